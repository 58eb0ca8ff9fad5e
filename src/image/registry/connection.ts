import { UserError } from '../../core/errors.ts';
import type { EmitImage } from '../image-event.ts';
import { Authorization, type Scopes } from './authorization.ts';
import type { Credentials } from './credentials.ts';
import { type Answer, exchange, type Fetch } from './exchange.ts';
import { Fault } from './fault.ts';
import { isLoopback } from './loopback.ts';
import { isPassing, passingFault } from './passing.ts';
import { type Reference, showReference } from './reference.ts';
import { type Refusal, readRefusal, refused } from './refusal.ts';
import { type Pause, Tries, tryUntil } from './tries.ts';

export interface ConnectionOptions {
  readonly reference: Pick<Reference, 'host' | 'repository'>;
  readonly credentials: Credentials;
  readonly emit: EmitImage;
  readonly fetch: Fetch;
  readonly pause?: Pause | undefined;
  readonly patienceMs: number;
}

export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  /** Below the repository, such as `manifests/main`; or where the registry said to go on. */
  readonly to: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each time that it is sent. */
  readonly body?: () => Promise<Uint8Array | ReadableStream<Uint8Array>>;
  /** Whether it writes. */
  readonly writes?: boolean;
  /** A repository that is read besides this one. */
  readonly alsoReads?: string;
}

const mostRedirects = 5;
const redirects: readonly number[] = [301, 302, 303, 307, 308];
/** Those that ask for the same method and body again. */
const sameAgain: readonly number[] = [307, 308];

/** A repository of a registry: its requests with what lets us in, their redirects, and their retries. */
export class Connection {
  readonly host: string;
  readonly repository: string;
  /** `registry.example.com/team/shop`. */
  readonly name: string;
  readonly #options: ConnectionOptions;
  readonly #api: URL;
  readonly #authorization: Authorization;

  constructor(options: ConnectionOptions) {
    const { host, repository } = options.reference;
    this.host = host;
    this.repository = repository;
    this.name = showReference({ host, repository });
    this.#options = options;
    this.#api = new URL(`${isLoopback(host) ? 'http' : 'https'}://${apiHost(host)}/v2/`);
    this.#authorization = new Authorization({ ...options, host, repository });
  }

  /** For what is tried again as a whole. */
  tries(what: string, signal: AbortSignal): Tries {
    const { emit, pause } = this.#options;
    return new Tries({ host: this.host, what, emit, pause, signal });
  }

  /** Does it until it succeeds, or fails with what another try does not change. */
  patiently<T>(what: string, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    return tryUntil(this.tries(what, signal), attempt);
  }

  /** One try; an answer that may be better the next time, and a connection that fails, throw a `Fault`. */
  async send(request: RegistryRequest, signal: AbortSignal): Promise<Answer> {
    let url = this.#urlOf(request.to);
    for (let count = 0; count <= mostRedirects; count += 1) {
      const answer = await this.#sendTo(url, request, signal);
      if (isPassing(answer.status)) throw await passingFault(answer);
      if (!redirects.includes(answer.status)) return this.#refuseElsewhere(answer);
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      if (!isRead && !sameAgain.includes(answer.status)) return answer;
      await answer.drop();
      url = this.locationOf(answer);
    }
    throw this.#astray(`sends from one place to the next, more than ${mostRedirects} times`);
  }

  /** Where an answer says to go on; never from https to http. */
  locationOf({ url, headers }: Answer): URL {
    const location = headers.get('location');
    if (location === null || !URL.canParse(location, url.href)) {
      throw this.#astray('does not say where to go on');
    }
    const next = new URL(location, url);
    const isDown = next.protocol !== 'https:' && url.protocol === 'https:';
    if (isDown || !/^https?:$/.test(next.protocol)) {
      throw this.#astray(`sends on to ${next.protocol}//${next.host}, which is not https`);
    }
    return next;
  }

  /** The error for an answer that no try makes better. */
  async refusal(answer: Answer, what: string, signal: AbortSignal): Promise<UserError> {
    return this.refused(await readRefusal(answer), what, signal);
  }

  async refused(refusal: Refusal, what: string, signal: AbortSignal): Promise<UserError> {
    const { host, repository } = this;
    const isAboutLogin = refusal.status === 401 || refusal.status === 403;
    const login = isAboutLogin ? await this.#authorization.login(signal) : undefined;
    return refused({ host, repository, what, refusal, login });
  }

  #urlOf(to: string | URL): URL {
    return typeof to === 'string' ? new URL(`${this.repository}/${to}`, this.#api) : to;
  }

  /** What lets us in goes to the registry alone, and a 401 of its is answered once. */
  async #sendTo(url: URL, request: RegistryRequest, signal: AbortSignal): Promise<Answer> {
    if (url.origin !== this.#api.origin) return this.#exchange(url, request, undefined, signal);
    const scopes = this.#scopesOf(request);
    const used = await this.#authorization.header(scopes, signal);
    const answer = await this.#exchange(url, request, used, signal);
    if (answer.status !== 401) return answer;
    const header = await this.#authorization.answer(answer, { used, scopes }, signal);
    if (header === undefined) return answer;
    await answer.drop();
    return this.#exchange(url, request, header, signal);
  }

  async #exchange(
    url: URL,
    { method, headers, body }: RegistryRequest,
    authorization: string | undefined,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { fetch, patienceMs } = this.#options;
    return exchange({
      url,
      method,
      headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
      body: await body?.(),
      fetch,
      patienceMs,
      signal,
    });
  }

  #scopesOf({ writes = false, alsoReads }: RegistryRequest): Scopes {
    const own = `repository:${this.repository}:${writes ? 'pull,push' : 'pull'}`;
    return alsoReads === undefined ? [own] : [own, `repository:${alsoReads}:pull`];
  }

  /** A place that the registry sent to lets in for a short time; the registry is asked for another. */
  async #refuseElsewhere(answer: Answer): Promise<Answer> {
    const { url, status } = answer;
    if (url.origin === this.#api.origin || status < 400) return answer;
    const { words } = await readRefusal(answer);
    throw new Fault(`sent on to ${url.host}, which answered ${words}`);
  }

  #astray(how: string): UserError {
    return new UserError({
      code: 'registry_unreachable',
      message: `${this.host} ${how}`,
      hint: 'have its operator see to the addresses that it answers with',
    });
  }
}

function apiHost(host: string): string {
  return host === 'docker.io' ? 'registry-1.docker.io' : host;
}
