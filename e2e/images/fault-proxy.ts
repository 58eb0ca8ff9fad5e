import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { indexSchema, manifestSchema } from '../../src/image/oci.ts';

/** What may happen to a request on its way to the registry and back. */
export type Fault =
  /** The connection ends after so many bytes of the request's body. */
  | { readonly kind: 'cut-request'; readonly afterBytes: number }
  /** The registry has done it, and its answer is lost. */
  | { readonly kind: 'cut-answer' }
  /** The connection ends after so many bytes of the answer's body. */
  | { readonly kind: 'cut-response'; readonly afterBytes: number }
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'slow'; readonly delayMs: number };

export interface FaultProxyOptions {
  /** The registry, `127.0.0.1:5000`. */
  readonly registry: string;
  /** Asked once a request; none lets it pass. */
  readonly choose: (request: { readonly method: string; readonly path: string }) => Fault | undefined;
}

export interface FaultProxy extends AsyncDisposable {
  readonly host: string;
  /** The faults that happened, in order: `PUT /v2/… cut-request`. */
  readonly happened: readonly string[];
  /** Manifests that were put before all that they name was there: what no writer may ever do. */
  readonly early: readonly string[];
}

/** Stands between a writer and a registry, and does what goes wrong on real networks. */
export async function startFaultProxy({ registry, choose }: FaultProxyOptions): Promise<FaultProxy> {
  const happened: string[] = [];
  const early: string[] = [];
  const server = createServer((incoming, outgoing) => {
    // A request that was read to its end has no socket any more.
    const { socket } = incoming;
    answer(incoming, outgoing, () => socket.destroy()).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    happened,
    early,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse, cut: () => void): Promise<void> {
    const { method = 'GET', url: path = '/' } = incoming;
    const fault = choose({ method, path });
    if (fault) happened.push(`${method} ${path.replace(/\?.*/, '')} ${describe(fault)}`);
    if (fault?.kind === 'status') {
      incoming.resume();
      outgoing
        .writeHead(fault.status, fault.headers)
        .end('{"errors":[{"code":"UNKNOWN","message":"a fault"}]}');
      return;
    }
    if (fault?.kind === 'slow') await Bun.sleep(fault.delayMs);
    const body = await readBody(incoming, fault?.kind === 'cut-request' ? fault.afterBytes : undefined);
    if (body === undefined) {
      cut();
      return;
    }
    if (method === 'PUT' && path.includes('/manifests/'))
      early.push(...(await missingOf(registry, path, body)));
    const answered = await forward(registry, incoming, body);
    if (fault?.kind === 'cut-answer') {
      cut();
      return;
    }
    outgoing.writeHead(answered.status, answered.headers);
    if (fault?.kind !== 'cut-response' || answered.body.length <= fault.afterBytes) {
      outgoing.end(answered.body);
      return;
    }
    outgoing.write(answered.body.subarray(0, fault.afterBytes), () => cut());
  }
}

function describe(fault: Fault): string {
  return fault.kind === 'status' ? `status ${fault.status}` : fault.kind;
}

/** Whole, or none if it is to be cut and is longer than that. */
async function readBody(
  incoming: IncomingMessage,
  most = Number.POSITIVE_INFINITY,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > most) return undefined;
  }
  return Buffer.concat(chunks);
}

interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** With the writer's own Host header, so that the places that the registry names lead through here again. */
function forward(registry: string, incoming: IncomingMessage, body: Buffer): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const [hostname, port] = registry.split(':');
  const { 'transfer-encoding': _, ...headers } = incoming.headers;
  const upstream = request(
    {
      hostname,
      port,
      method: incoming.method,
      path: incoming.url,
      agent: false,
      headers: { ...headers, 'content-length': body.length, connection: 'close' },
    },
    async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
      const { connection: __, 'transfer-encoding': ___, ...answered } = response.headers;
      resolve({ status: response.statusCode ?? 502, headers: answered, body: Buffer.concat(chunks) });
    },
  );
  upstream.on('error', reject);
  upstream.end(body);
  return promise;
}

async function missingOf(registry: string, path: string, body: Buffer): Promise<readonly string[]> {
  const repository = /^\/v2\/(.+)\/manifests\//.exec(path)?.[1] ?? '';
  const missing = await missingParts(`http://${registry}`, repository, JSON.parse(body.toString()));
  return missing.map((digest) => `${path} names ${digest}, which was not there`);
}

/** What a manifest or an index names directly and the registry does not have. */
async function missingParts(
  origin: string,
  repository: string,
  content: unknown,
): Promise<readonly string[]> {
  const paths = partsOf(content).map(({ kind, digest }) => ({
    digest,
    url: `${origin}/v2/${repository}/${kind}/${digest}`,
  }));
  const found = await Promise.all(
    paths.map(async ({ digest, url }) =>
      (await fetch(url, { method: 'HEAD', headers })).ok ? [] : [digest],
    ),
  );
  return found.flat();
}

const headers = {
  accept: 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json',
};

interface Part {
  readonly kind: 'blobs' | 'manifests';
  readonly digest: string;
}

function partsOf(content: unknown): readonly Part[] {
  const index = indexSchema.safeParse(content);
  if (index.success) return index.data.manifests.map(({ digest }) => ({ kind: 'manifests', digest }));
  const { config, layers } = manifestSchema.parse(content);
  return [config, ...layers].map(({ digest }) => ({ kind: 'blobs', digest }));
}

/** Everything that can be reached from a tag or digest in a registry, and is not there. */
export async function missingBelow(
  registry: string,
  repository: string,
  reference: string,
): Promise<readonly string[]> {
  const origin = `http://${registry}`;
  const response = await fetch(`${origin}/v2/${repository}/manifests/${reference}`, { headers });
  if (!response.ok) return [reference];
  const content = await response.json();
  const missing = [...(await missingParts(origin, repository, content))];
  for (const { kind, digest } of partsOf(content)) {
    if (kind === 'manifests' && !missing.includes(digest)) {
      missing.push(...(await missingBelow(registry, repository, digest)));
    }
  }
  return missing;
}
