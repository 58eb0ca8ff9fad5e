import { z } from 'zod';
import { UserError } from '../../core/errors.ts';
import { parseJson } from '../parse-json.ts';
import { readUpTo } from '../stream.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { Credential, Credentials } from './credentials.ts';
import { type Answer, exchange, type Fetch } from './exchange.ts';
import { Fault } from './fault.ts';
import { isLoopback } from './loopback.ts';
import { isPassing, passingFault } from './passing.ts';
import { type Login, readRefusal, refused } from './refusal.ts';

export interface AuthorizationOptions {
  readonly host: string;
  readonly repository: string;
  readonly credentials: Credentials;
  readonly fetch: Fetch;
  readonly patienceMs: number;
}

/** `repository:<name>:pull` and the like, as a token server understands them. */
export type Scopes = readonly string[];

interface Bearer {
  readonly kind: 'bearer';
  readonly realm: URL;
  readonly service?: string;
}
type Way = { readonly kind: 'basic' } | Bearer;

interface Token {
  readonly header: Promise<string>;
  /** Known once it is there. */
  expiresAt: number;
}

interface TokenText {
  readonly text: string;
  readonly seconds: number;
}

const tokenSchema = z
  .object({
    token: z.string().min(1).optional(),
    access_token: z.string().min(1).optional(),
    expires_in: z.number().positive().optional(),
  })
  .refine(({ token, access_token }) => token !== undefined || access_token !== undefined);

/** What a token server means when it does not say: https://distribution.github.io/distribution/spec/auth/token/ */
const usualSeconds = 60;
/** A token that ends while a request is on its way is of no use. */
const spareMs = 10_000;
const mostBytes = 1_048_576;

/** What lets us into one registry: asked for once it wants something, and kept as long as it holds. */
export class Authorization {
  readonly #options: AuthorizationOptions;
  readonly #tokens = new Map<string, Token>();
  #way: Way | undefined;
  #credential: Promise<Credential | undefined> | undefined;

  constructor(options: AuthorizationOptions) {
    this.#options = options;
  }

  /** As whom the registry is entered; looked up where it was not yet. */
  async login(signal: AbortSignal): Promise<Login | undefined> {
    const credential = await this.#lookUp(signal);
    if (credential === undefined) return undefined;
    const user = 'username' in credential ? { user: credential.username } : {};
    return { ...user, isSent: this.#way !== undefined };
  }

  /** The header for a request; none as long as the registry has not asked for one. */
  async header(scopes: Scopes, signal: AbortSignal): Promise<string | undefined> {
    if (this.#way === undefined) return undefined;
    return this.#way.kind === 'basic' ? this.#basic(signal) : this.#bearer(this.#way, scopes, signal);
  }

  /** The header to try after a 401 to a request that had `used`; none where there is nothing else to try. */
  async answer(
    { headers, url }: Answer,
    { used, scopes }: { readonly used: string | undefined; readonly scopes: Scopes },
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const challenges = parseChallenges(headers.get('www-authenticate') ?? '');
    this.#way = wayOf(challenges, url) ?? this.#way;
    const kept = this.#tokens.get(keyOf(scopes));
    if (kept !== undefined && (await kept.header) === used) this.#forget(scopes, kept);
    const header = await this.header(scopes, signal);
    return header === used ? undefined : header;
  }

  async #basic(signal: AbortSignal): Promise<string | undefined> {
    const credential = await this.#lookUp(signal);
    return credential !== undefined && 'username' in credential ? basicHeader(credential) : undefined;
  }

  /** Requests at the same time share one token. */
  #bearer(way: Bearer, scopes: Scopes, signal: AbortSignal): Promise<string> {
    const kept = this.#tokens.get(keyOf(scopes));
    if (kept !== undefined && kept.expiresAt > Date.now()) return kept.header;
    const began = Date.now();
    const fetched = this.#fetchToken(way, scopes, signal);
    const token: Token = {
      header: fetched.then(({ text }) => `Bearer ${text}`),
      expiresAt: Number.POSITIVE_INFINITY,
    };
    this.#tokens.set(keyOf(scopes), token);
    fetched.then(
      ({ seconds }) => {
        token.expiresAt = began + Math.max(seconds * 1000 - spareMs, (seconds * 1000) / 2);
      },
      () => this.#forget(scopes, token),
    );
    return token.header;
  }

  #forget(scopes: Scopes, token: Token): void {
    if (this.#tokens.get(keyOf(scopes)) === token) this.#tokens.delete(keyOf(scopes));
  }

  async #fetchToken(way: Bearer, scopes: Scopes, signal: AbortSignal): Promise<TokenText> {
    const { host, repository, fetch, patienceMs } = this.#options;
    const credential = await this.#lookUp(signal);
    const answer = await exchange({ ...tokenRequest(way, scopes, credential), fetch, patienceMs, signal });
    if (isPassing(answer.status)) throw await passingFault(answer);
    if (answer.status !== 200) {
      throw refused({
        host,
        repository,
        what: `entering at ${way.realm.host}`,
        refusal: await readRefusal(answer),
        login: await this.login(signal),
      });
    }
    const token = readToken(await readUpTo(answer.chunks(), mostBytes));
    if (token === undefined) throw new Fault(`gave no token at ${way.realm.host}`);
    return token;
  }

  #lookUp(signal: AbortSignal): Promise<Credential | undefined> {
    this.#credential ??= this.#options.credentials(this.#options.host, signal);
    return this.#credential;
  }
}

function keyOf(scopes: Scopes): string {
  return scopes.join(' ');
}

/**
 * Tokens before passwords. A token server that is not behind TLS is asked only where it is the registry itself, which
 * is not either: at another port of this machine may be anybody.
 */
function wayOf(challenges: readonly Challenge[], registry: URL): Way | undefined {
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
  if (bearer !== undefined) {
    const { realm = '', service } = bearer.parameters;
    const url = URL.canParse(realm) ? new URL(realm) : undefined;
    const isSafe =
      url?.protocol === 'https:' ||
      (url?.protocol === 'http:' && url.origin === registry.origin && isLoopback(url.host));
    if (url === undefined || !isSafe) throw unsafeRealm(registry, realm);
    return { kind: 'bearer', realm: url, ...(service === undefined ? {} : { service }) };
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { kind: 'basic' } : undefined;
}

function unsafeRealm({ host }: URL, realm: string): UserError {
  return new UserError({
    code: 'registry_refused',
    message: `${host} sends to '${realm}' for a token, where nothing secret is sent to`,
    hint: 'have its operator name a token server that begins with https://, or is at the address of the registry itself',
  });
}

/** By POST with a refresh token (OAuth 2), by GET with a password or as anyone. */
function tokenRequest({ realm, service }: Bearer, scopes: Scopes, credential: Credential | undefined) {
  const named: [string, string][] = service === undefined ? [] : [['service', service]];
  if (credential !== undefined && 'identityToken' in credential) {
    const form = new URLSearchParams([
      ['grant_type', 'refresh_token'],
      ['client_id', 'causeway'],
      ...named,
      ['scope', scopes.join(' ')],
      ['refresh_token', credential.identityToken],
    ]);
    return {
      url: realm,
      method: 'POST' as const,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new TextEncoder().encode(form.toString()),
    };
  }
  const url = new URL(realm);
  for (const [name, value] of named) url.searchParams.append(name, value);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const headers: Record<string, string> =
    credential === undefined ? {} : { authorization: basicHeader(credential) };
  return { url, method: 'GET' as const, headers };
}

function readToken(bytes: Uint8Array | undefined): TokenText | undefined {
  const { data } = tokenSchema.safeParse(parseJson(bytes));
  const text = data?.token ?? data?.access_token ?? '';
  // It goes into a header, whose rules are not the token server's.
  return /^[!-~]+$/.test(text) ? { text, seconds: data?.expires_in ?? usualSeconds } : undefined;
}

function basicHeader({
  username,
  password,
}: {
  readonly username: string;
  readonly password: string;
}): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
