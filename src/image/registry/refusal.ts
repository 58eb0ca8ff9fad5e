import { z } from 'zod';
import { UserError } from '../../core/errors.ts';
import { parseJson } from '../parse-json.ts';
import { readUpTo } from '../stream.ts';
import { ecrRegion } from './ecr.ts';
import type { Answer } from './exchange.ts';

/** What a registry said about a request that it did not do. */
export interface Refusal {
  readonly status: number;
  /** Of the distribution specification: `DENIED`, `BLOB_UPLOAD_UNKNOWN`. */
  readonly codes: readonly string[];
  /** The status and the registry's own words, for people. */
  readonly words: string;
}

/** More than that is no list of errors. */
const mostBytes = 65_536;
const mostCharacters = 300;

const errorsSchema = z.object({
  errors: z.array(z.object({ code: z.string().optional(), message: z.string().nullish() })).min(1),
});
/** What token servers say, and ECR. */
const messageSchema = z.union([
  z.object({ details: z.string().min(1) }).transform(({ details }) => details),
  z.object({ message: z.string().min(1) }).transform(({ message }) => message),
  z.object({ error_description: z.string().min(1) }).transform((body) => body.error_description),
  z.object({ error: z.string().min(1) }).transform(({ error }) => error),
]);

/** Reads the body of an answer that is not the wanted one. */
export async function readRefusal(answer: Answer): Promise<Refusal> {
  const { status, statusText } = answer;
  const bytes = await readUpTo(answer.chunks(), mostBytes).catch(() => undefined);
  const body = parseJson(bytes);
  const listed = errorsSchema.safeParse(body).data?.errors ?? [];
  const said =
    listed.map(({ code, message }) => [code, message].filter(Boolean).join(': ')).join('; ') ||
    messageSchema.safeParse(body).data ||
    statusText;
  return {
    status,
    codes: listed.flatMap(({ code }) => (code === undefined ? [] : [code])),
    words: `${status} ${printable(said)}`.trim(),
  };
}

export interface RefusedOptions {
  readonly host: string;
  readonly repository: string;
  /** What was asked for: `writing team/shop:main`. */
  readonly what: string;
  readonly refusal: Refusal;
  /** As whom it was asked; none where there are no credentials for it. */
  readonly login: Login | undefined;
}

/** What lets in; never the password itself. */
export interface Login {
  /** None where a token stands in for it. */
  readonly user?: string;
  /** Whether the registry wanted it. */
  readonly isSent: boolean;
}

/** The error for an answer that another try does not change. */
export function refused({ host, repository, what, refusal, login }: RefusedOptions): UserError {
  const { status, words } = refusal;
  if (status === 401 || status === 403) {
    return new UserError({
      code: 'registry_refused',
      message: `${host} does not allow ${what}: ${words}; ${whoWas(status, login)}`,
      hint: loginHint(host),
    });
  }
  if (status === 404) {
    return new UserError({
      code: 'image_not_found',
      message: `${host} does not know what is asked for in ${what}: ${words}`,
      hint:
        ecrRegion(host) === undefined
          ? `see that the repository is there, and that you may see it: ${loginHint(host)}`
          : `make the repository first: aws ecr create-repository --region ${ecrRegion(host)} --repository-name ${repository}`,
    });
  }
  return new UserError({
    code: status >= 400 && status < 500 ? 'registry_refused' : 'registry_unreachable',
    message: `${host} did not do what was asked while ${what}: ${words}`,
    hint: `see that ${host} is a registry that takes OCI images`,
  });
}

function whoWas(status: 401 | 403, login: Login | undefined): string {
  if (login === undefined) return 'there are no credentials for it';
  const { user, isSent } = login;
  const name = user === undefined ? undefined : printable(user);
  if (!isSent) return `it asked for no login, so that ${name ? `of ${name}` : 'by token'} was not sent`;
  if (status === 401) return `it refused the login ${name ? `as ${name}` : 'by token'}`;
  return `it does not let ${name ?? 'the owner of the token'} do this`;
}

/** What lets you in. */
function loginHint(host: string): string {
  const region = ecrRegion(host);
  return region === undefined
    ? `docker login ${host}`
    : `aws ecr get-login-password --region ${region} | docker login --username AWS --password-stdin ${host}`;
}

/** A registry's words go to a terminal. */
function printable(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return line.length > mostCharacters ? `${line.slice(0, mostCharacters)}…` : line;
}
