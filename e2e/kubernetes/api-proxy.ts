import { accessTo } from '../cluster/access.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { makeCertificate } from './own-certificate.ts';

export interface ApiProxy extends AsyncDisposable {
  readonly server: string;
  /** Who signed its certificate. */
  readonly ca: string;
  /** Ends every watch; the next one of each kind that a rollout looks at is too old, or each one from then on. */
  readonly expireWatches: (which: 'next' | 'all') => void;
  /** What was answered so since then, by the plural of its kind. */
  readonly expired: () => readonly string[];
}

const watchedKinds = ['deployments', 'events', 'pods', 'replicasets'];

/** In front of the API server, as its administrator: that a watch expires there takes it longer than any test. */
export async function openApiProxy(cluster: Cluster, folder: string): Promise<ApiProxy> {
  const { server: api, tls } = accessTo(cluster);
  const { cert, key } = await makeCertificate(folder);
  const expired = new Set<string>();
  let watching = new AbortController();
  let isTooOld: (kind: string) => boolean = () => false;

  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    tls: { cert, key },
    idleTimeout: 0,
    async fetch(request) {
      const url = new URL(request.url);
      const isWatch = url.searchParams.get('watch') === 'true';
      const kind = url.pathname.split('/').at(-1) ?? '';
      if (isWatch && isTooOld(kind)) {
        expired.add(kind);
        return tooOld(kind);
      }
      return pass(request, url, isWatch ? watching.signal : undefined);
    },
  });

  async function pass(request: Request, { pathname, search }: URL, ends?: AbortSignal): Promise<Response> {
    const headers = new Headers(request.headers);
    headers.delete('host');
    headers.set('accept-encoding', 'identity');
    const {
      status,
      headers: answered,
      body,
    } = await fetch(`${api}${pathname}${search}`, {
      method: request.method,
      headers,
      ...(request.body ? { body: await request.arrayBuffer() } : {}),
      tls,
      signal: AbortSignal.any([request.signal, ...(ends ? [ends] : [])]),
      timeout: false,
    } as RequestInit);
    return new Response(body && ends ? untilEnded(body, ends) : body, { status, headers: answered });
  }

  return {
    server: `https://127.0.0.1:${server.port}`,
    ca: cert,
    expireWatches(which) {
      const left = new Set(watchedKinds);
      expired.clear();
      isTooOld = (kind) => (which === 'all' ? left.has(kind) : left.delete(kind));
      watching.abort();
      watching = new AbortController();
    },
    expired: () => [...expired].sort(),
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}

/** An API server says it in one of these two ways. */
function tooOld(kind: string): Response {
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'too old resource version: 1 (2)',
    reason: 'Expired',
    code: 410,
  };
  if (kind === 'events' || kind === 'replicasets') return Response.json(status, { status: status.code });
  return new Response(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
}

async function* untilEnded(body: ReadableStream<Uint8Array>, ends: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  const { promise: ended, resolve } = Promise.withResolvers<undefined>();
  ends.addEventListener('abort', () => resolve(undefined));
  try {
    for (;;) {
      const part = await Promise.race([reader.read().catch(() => undefined), ended]);
      if (!part?.value) return;
      yield part.value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
