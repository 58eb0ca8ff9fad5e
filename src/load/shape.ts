import { createHash } from 'node:crypto';

/** What a load is made of. */
export type Shape = readonly Stream[];

/** Clients that all do the same: each has at most one connection and one request at a time. */
export interface Stream {
  readonly label: string;
  /** `kept` uses its connection again, `idle-kept` does so after a pause, `new` opens one for each request. */
  readonly kind: 'kept' | 'idle-kept' | 'new';
  readonly connections: number;
  /** `GET` if not given. */
  readonly method?: string;
  readonly path: string;
  readonly body?: UploadBody;
  /** Requests a second, over all connections; if not given, the next one follows the answer. */
  readonly rate?: number;
  /** Between an answer and the next request: at least, at most. */
  readonly pauseMs?: readonly [number, number];
  /** 10 s if not given. */
  readonly timeoutMs?: number;
  /** Says what is wrong with a 2xx answer, if anything is. */
  readonly check?: Check;
}

/** Bytes that differ from request to request, so that an answer to somebody else's request is seen. */
export interface UploadBody {
  readonly bytes: number;
  /** Sent with `Transfer-Encoding: chunked` in so many pieces, one piece each `pieceMs`. */
  readonly pieces?: number;
  readonly pieceMs?: number;
}

export type Check = (answer: { readonly body: Buffer; readonly sent: Buffer }) => string | undefined;

export const presets = { mixed, plain, closed } as const;

/**
 * Every kind of request that a rollout can hurt, at a rate that leaves the machine to the tested system: about
 * 900 requests a second at scale 1. It needs the paths of `e2e/fixtures/good.ts`.
 */
function mixed({ scale = 1 }: { readonly scale?: number } = {}): Shape {
  const slowTimeoutMs = 15_000;
  const post = { method: 'POST', path: '/echo', check: echoesBody } as const;
  const streams: readonly Stream[] = [
    { label: 'kept', kind: 'kept', connections: 8, path: '/', rate: 400, check: isJson },
    {
      label: 'idle',
      kind: 'idle-kept',
      connections: 16,
      path: '/',
      pauseMs: [200, 2000],
      check: isJson,
    },
    { label: 'new', kind: 'new', connections: 8, path: '/', rate: 200, check: isJson },
    { label: 'head', kind: 'kept', connections: 1, method: 'HEAD', path: '/', rate: 10 },
    { label: 'post', kind: 'kept', connections: 4, rate: 100, body: { bytes: 1024 }, ...post },
    {
      label: 'post idle',
      kind: 'idle-kept',
      connections: 4,
      pauseMs: [200, 2000],
      body: { bytes: 1024 },
      ...post,
    },
    { label: 'post new', kind: 'new', connections: 2, rate: 40, body: { bytes: 1024 }, ...post },
    {
      label: 'upload',
      kind: 'kept',
      connections: 2,
      rate: 20,
      body: { bytes: 64 * 1024, pieces: 4, pieceMs: 5 },
      ...post,
    },
    { label: '100 ms', kind: 'kept', connections: 8, path: '/slow?ms=100', check: isJson },
    {
      label: '3 s',
      kind: 'kept',
      connections: 4,
      path: '/slow?ms=3000',
      timeoutMs: slowTimeoutMs,
      check: isJson,
    },
    {
      label: '3 s new',
      kind: 'new',
      connections: 4,
      path: '/slow?ms=3000',
      timeoutMs: slowTimeoutMs,
      check: isJson,
    },
    {
      label: 'big',
      kind: 'kept',
      connections: 2,
      path: `/big?bytes=${bigBytes}`,
      rate: 20,
      check: isBig(bigBytes),
    },
  ];
  return streams.map((stream) => scaled(stream, scale));
}

/** Kept, idle-kept and new connections that ask for `/` alone: for a service of which nothing more is known. */
function plain({ scale = 1 }: { readonly scale?: number } = {}): Shape {
  const streams: readonly Stream[] = [
    { label: 'kept', kind: 'kept', connections: 8, path: '/', rate: 400 },
    { label: 'idle', kind: 'idle-kept', connections: 16, path: '/', pauseMs: [200, 2000] },
    { label: 'new', kind: 'new', connections: 8, path: '/', rate: 200 },
  ];
  return streams.map((stream) => scaled(stream, scale));
}

/** As much as 32 kept connections get through, to measure the most that a system can do. */
function closed({ scale = 1 }: { readonly scale?: number } = {}): Shape {
  return [scaled({ label: 'closed', kind: 'kept', connections: 32, path: '/' }, scale)];
}

/** The answer of `/echo`: how many bytes came, and their hash. */
export function echoesBody({ body, sent }: { readonly body: Buffer; readonly sent: Buffer }) {
  const sha256 = createHash('sha256').update(sent).digest('hex');
  const text = body.toString();
  if (text.includes(`"bytes":${sent.length},`) && text.includes(`"sha256":"${sha256}"`)) return undefined;
  return `not the echo of ${sent.length} bytes with sha256 ${sha256}`;
}

function isJson({ body }: { readonly body: Buffer }): string | undefined {
  try {
    JSON.parse(body.toString());
    return undefined;
  } catch {
    return 'not JSON';
  }
}

/** The answer of `/big`: byte n is n mod 251, so that a lost, doubled or swapped part shows. */
function isBig(bytes: number): Check {
  const expected = Buffer.from(Uint8Array.from({ length: bytes }, (_, index) => index % 251));
  return ({ body }) => {
    if (body.length !== bytes) return `${body.length} bytes instead of ${bytes}`;
    return body.equals(expected) ? undefined : 'other bytes than expected';
  };
}

function scaled(stream: Stream, scale: number): Stream {
  const connections = Math.max(1, Math.round(stream.connections * scale));
  return stream.rate === undefined
    ? { ...stream, connections }
    : { ...stream, connections, rate: stream.rate * scale };
}

const bigBytes = 1024 * 1024;
