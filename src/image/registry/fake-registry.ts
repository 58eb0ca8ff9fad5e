import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Descriptor, mediaTypes } from '../oci.ts';
import { basicHeader, FakeTokenServer, type FakeTokenServerOptions } from './fake-token-server.ts';

export interface FakeRegistryOptions extends FakeTokenServerOptions {
  readonly auth?: 'none' | 'basic' | 'bearer';
  readonly hasReferrers?: boolean;
  readonly canMount?: boolean;
}

export interface SeenRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly bytes?: Uint8Array;
  readonly json?: unknown;
}

/** What is done instead of answering a request. */
export type Trouble = (request: IncomingMessage, response: ServerResponse) => void;

/** A small registry with its token server, in this process, whose answers can be made to go wrong. */
export class FakeRegistry implements AsyncDisposable {
  /** All that came, and what it brought. */
  readonly requests: SeenRequest[] = [];
  /** By `<repository>@<digest>`. */
  readonly blobs = new Map<string, Uint8Array>();
  /** By `<repository>@<digest>` and `<repository>:<tag>`. */
  readonly manifests = new Map<string, { readonly bytes: Uint8Array; readonly mediaType: string }>();
  readonly tokens: FakeTokenServer;
  readonly #options: FakeRegistryOptions;
  readonly #server = createServer((request, response) => void this.#take(request, response));
  readonly #planned: { readonly on: RegExp; readonly trouble: Trouble; left: number }[] = [];

  constructor(options: FakeRegistryOptions) {
    this.#options = options;
    this.tokens = new FakeTokenServer(options);
  }

  static async start(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
    const registry = new FakeRegistry(options);
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** `METHOD /path` of all that came. */
  get asked(): readonly string[] {
    return this.requests.map(({ method, path }) => `${method} ${path}`);
  }

  /** The next `times` requests that match `METHOD /path` meet the trouble. */
  plan(on: RegExp, trouble: Trouble, times = 1): void {
    this.#planned.push({ on, trouble, left: times });
  }

  addBlob(repository: string, bytes: Uint8Array): Descriptor {
    const digest = digestOf(bytes);
    this.blobs.set(`${repository}@${digest}`, bytes);
    return { mediaType: mediaTypes.gzipLayer, digest, size: bytes.length };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = request;
    const planned = this.#planned.find(({ on, left }) => left > 0 && on.test(`${method} ${path}`));
    if (planned !== undefined) {
      planned.left -= 1;
      this.requests.push({ method, path, headers, body: Buffer.alloc(0) });
      planned.trouble(request, response);
      return;
    }
    const body = await read(request).catch(() => undefined);
    if (body === undefined) return;
    const seen = { method, path, headers, body };
    this.requests.push(seen);
    send(response, method, this.#reply(seen));
  }

  #reply(request: SeenRequest): Reply {
    const { pathname } = new URL(request.path, 'http://fake');
    if (pathname === '/token') return this.tokens.give(request);
    const [, repository = '', kind, rest = ''] =
      /^\/v2\/(.+?)\/(blobs\/uploads|blobs|manifests|referrers)\/(.*)$/.exec(pathname) ?? [];
    if (kind === undefined) return { status: 404 };
    if (!this.#isAllowed(request, repository)) return this.#challenge(repository);
    if (kind === 'blobs/uploads') return this.#upload(request, repository, rest);
    if (kind === 'blobs') return this.#blob(request, `${repository}@${rest}`);
    if (kind === 'referrers') return this.#referrers(request, repository, rest);
    return request.method === 'PUT'
      ? this.#putManifest(request, keyOf(repository, rest), repository)
      : this.#getManifest(keyOf(repository, rest));
  }

  #isAllowed({ method, headers }: SeenRequest, repository: string): boolean {
    const { auth = 'none', user } = this.#options;
    const header = headers.authorization as string | undefined;
    if (auth === 'none') return true;
    if (auth === 'basic') return user !== undefined && header === basicHeader(user);
    return this.tokens.allows(header, repository, method === 'GET' || method === 'HEAD' ? 'pull' : 'push');
  }

  #challenge(repository: string): Reply {
    const way =
      this.#options.auth === 'basic'
        ? 'Basic realm="fake"'
        : `Bearer realm="http://${this.host}/token",service="fake",scope="repository:${repository}:pull"`;
    return refusal(401, 'UNAUTHORIZED', 'authentication required', { 'www-authenticate': way });
  }

  #blob({ headers }: SeenRequest, key: string): Reply {
    const bytes = this.blobs.get(key);
    if (bytes === undefined) return refusal(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    const start = startOf(headers.range);
    if (start === 0) return { status: 200, bytes };
    return { status: 206, headers: { 'content-range': rangeOf(bytes, start) }, bytes: bytes.subarray(start) };
  }

  #upload({ method, path, body }: SeenRequest, repository: string, id: string): Reply {
    const query = new URL(path, 'http://fake').searchParams;
    if (method === 'POST') {
      const mounted = this.blobs.get(`${query.get('from')}@${query.get('mount')}`);
      if (this.#options.canMount && mounted !== undefined) {
        this.addBlob(repository, mounted);
        return { status: 201 };
      }
      // Relative, and with a query, as the specification allows.
      const location = `/v2/${repository}/blobs/uploads/${crypto.randomUUID()}?state=a%2Fb`;
      return { status: 202, headers: { location } };
    }
    if (id === '' || query.get('state') !== 'a/b')
      return refusal(404, 'BLOB_UPLOAD_UNKNOWN', 'no such upload');
    const digest = digestOf(body);
    if (query.get('digest') !== digest)
      return refusal(400, 'DIGEST_INVALID', 'provided digest did not match');
    this.addBlob(repository, body);
    return { status: 201, headers: { 'docker-content-digest': digest } };
  }

  #getManifest(key: string): Reply {
    const found = this.manifests.get(key);
    if (found === undefined) return refusal(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    const { bytes, mediaType } = found;
    const headers = { 'content-type': mediaType, 'docker-content-digest': digestOf(bytes) };
    return { status: 200, headers, bytes };
  }

  #putManifest({ headers, body }: SeenRequest, key: string, repository: string): Reply {
    const stored = { bytes: body, mediaType: String(headers['content-type']) };
    const digest = digestOf(body);
    this.manifests.set(`${repository}@${digest}`, stored);
    this.manifests.set(key, stored);
    const { subject } = attachedOf(body);
    const isListed = subject !== undefined && this.#options.hasReferrers;
    return {
      status: 201,
      headers: { 'docker-content-digest': digest, ...(isListed ? { 'oci-subject': subject.digest } : {}) },
    };
  }

  /** One on a page, so that pages are followed. */
  #referrers({ path }: SeenRequest, repository: string, digest: string): Reply {
    if (!this.#options.hasReferrers) return { status: 404 };
    const found = [...this.manifests].flatMap(([key, { bytes, mediaType }]) => {
      const { subject, artifactType } = attachedOf(bytes);
      if (!key.startsWith(`${repository}@`) || subject?.digest !== digest) return [];
      return [{ mediaType, digest: digestOf(bytes), size: bytes.length, artifactType }];
    });
    const page = Number(new URL(path, 'http://fake').searchParams.get('page') ?? 0);
    const next = `</v2/${repository}/referrers/${digest}?page=${page + 1}>; rel="next"`;
    return {
      status: 200,
      headers: { 'content-type': mediaTypes.index, ...(page + 1 < found.length ? { link: next } : {}) },
      json: { schemaVersion: 2, mediaType: mediaTypes.index, manifests: found.slice(page, page + 1) },
    };
  }
}

/** Answers with a status; its body is JSON. */
export function answerWith(
  status: number,
  headers: Record<string, string> = {},
  json: unknown = {},
): Trouble {
  return (request, response) => {
    request.resume();
    send(response, String(request.method), { status, headers, json });
  };
}

/** Sends a part of what was asked for, and closes the connection once `arrived` says that it was read. */
export function cutAfter(
  count: number,
  bytes: Uint8Array,
  arrived: (total: number) => Promise<void>,
): Trouble {
  return (request, response) => {
    const start = startOf(request.headers.range);
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': bytes.length - start,
      ...(start > 0 ? { 'content-range': rangeOf(bytes, start) } : {}),
    });
    response.write(bytes.subarray(start, start + count));
    void arrived(start + count).then(() => response.socket?.destroy());
  };
}

/** Takes the first bytes of what is sent, then closes the connection. */
export function cutUploadAfter(count: number): Trouble {
  return (request) => {
    let taken = 0;
    request.on('data', (chunk: Uint8Array) => {
      taken += chunk.length;
      if (taken >= count) request.socket.destroy();
    });
  };
}

/** Takes what is sent, and says nothing. */
export function sayNothing(request: IncomingMessage): void {
  request.resume();
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function keyOf(repository: string, name: string): string {
  return name.startsWith('sha256:') ? `${repository}@${name}` : `${repository}:${name}`;
}

function startOf(range: string | string[] | undefined): number {
  return Number(/^bytes=([0-9]+)-$/.exec(String(range))?.[1] ?? 0);
}

function rangeOf(bytes: Uint8Array, start: number): string {
  return `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
}

function attachedOf(bytes: Uint8Array): { readonly subject?: Descriptor; readonly artifactType?: string } {
  return JSON.parse(new TextDecoder().decode(bytes));
}

function refusal(status: number, code: string, message: string, headers: Record<string, string> = {}): Reply {
  return { status, headers, json: { errors: [{ code, message }] } };
}

function send(response: ServerResponse, method: string, { status, headers, bytes, json }: Reply): void {
  const body = json === undefined ? (bytes ?? new Uint8Array()) : Buffer.from(JSON.stringify(json));
  response.writeHead(status, { 'content-length': body.length, ...headers });
  response.end(method === 'HEAD' ? undefined : body);
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}
