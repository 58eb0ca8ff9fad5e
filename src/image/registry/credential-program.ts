import { z } from 'zod';
import { childEnv } from '../../core/child-env.ts';
import { UserError } from '../../core/errors.ts';
import { parseJson } from '../parse-json.ts';
import type { Credential } from './credentials.ts';

/** Runs a program with a text on its stdin; undefined where there is no such program. */
export type Program = (
  command: readonly string[],
  stdin: string,
  signal: AbortSignal,
) => Promise<ProgramEnd | undefined>;

export interface ProgramEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface HelperOptions {
  /** `pass` of `docker-credential-pass`. */
  readonly helper: string;
  readonly server: string;
  /** Of the docker config that names it. */
  readonly path: string;
  readonly run: Program;
  readonly signal: AbortSignal;
}

/** For a password manager that asks its user something. */
const patienceMs = 120_000;
const mostCharacters = 500;

/** The protocol has no other sign for it: https://github.com/docker/docker-credential-helpers */
const notFound = 'credentials not found in native keychain';

const helperSchema = z.object({ Username: z.string(), Secret: z.string().min(1) });

/** Asks a credential helper of docker's; undefined where it has nothing for the server. */
export async function askHelper({
  helper,
  server,
  path,
  run,
  signal,
}: HelperOptions): Promise<Credential | undefined> {
  const program = `docker-credential-${helper}`;
  const failed = (how: string, hint: string) =>
    new UserError({ code: 'credentials_failed', message: `${program} ${how}`, hint });
  const hint = `see what it says: echo ${server} | ${program} get`;

  const ended = await run([program, 'get'], server, signal);
  if (ended === undefined) {
    throw failed(
      `is not on PATH, and ${path} names it for ${server}`,
      `install ${program}, or take it out of ${path}`,
    );
  }
  if (ended.code !== 0) {
    if (ended.stdout.trim() === notFound) return undefined;
    const said = words(ended.stderr) || words(ended.stdout) || `exit code ${ended.code}`;
    throw failed(`gives nothing for ${server}: ${said}`, hint);
  }
  const answer = parseAnswer(ended.stdout);
  if (answer === undefined) throw failed(`does not answer for ${server} as a credential helper does`, hint);
  const { Username: username, Secret } = answer;
  return username === '<token>' ? { identityToken: Secret } : { username, password: Secret };
}

/** What a program said about its failure, on a line; nothing that looks like an answer, which holds a secret. */
export function words(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return /["{]?\b(Secret|password|token)"?\s*[:=]/i.test(line) ? '' : line.slice(0, mostCharacters);
}

function parseAnswer(text: string): z.infer<typeof helperSchema> | undefined {
  return helperSchema.safeParse(parseJson(text)).data;
}

/** Runs programs of PATH, each for two minutes at most. */
export function runProgram(env: Readonly<Record<string, string | undefined>>): Program {
  return async ([name = '', ...rest], stdin, signal) => {
    const path = Bun.which(name, { PATH: env.PATH ?? '' });
    if (path === null) return undefined;
    const child = Bun.spawn([path, ...rest], {
      env: childEnv(env),
      stdin: new TextEncoder().encode(stdin),
      stdout: 'pipe',
      stderr: 'pipe',
      timeout: patienceMs,
      signal,
    });
    const [stdout, stderr, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    signal.throwIfAborted();
    return { code, stdout, stderr };
  };
}
