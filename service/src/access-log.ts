import type { Clock } from './clock.ts';
import type { LineWriter } from './line-writer.ts';
import { readTraceparent } from './trace-context.ts';

export interface Access {
  readonly method: string;
  /** JSON text, from `pathForLog`. */
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  readonly traceparent: string | null;
}

export type LogAccess = (access: Access) => void;

export interface AccessLogOptions {
  readonly clock: Clock;
  readonly lines: Pick<LineWriter, 'line'>;
}

/**
 * One JSON line a request, put together by hand: a logger costs more than the server (13 µs and more). What
 * the last line began with is kept, for under load the next one begins alike.
 */
export function createAccessLog({ clock, lines }: AccessLogOptions): LogAccess {
  let last: Pick<Access, 'method' | 'path' | 'status'> = { method: '', path: '', status: 0 };
  let lastMs = Number.NaN;
  let beginning = '';

  return (access) => {
    const { method, path, status, durationMs, traceparent } = access;
    const ms = Math.floor(clock.now());
    if (ms !== lastMs || status !== last.status || path !== last.path || method !== last.method) {
      lastMs = ms;
      last = access;
      beginning = `{"time":"${new Date(ms).toISOString()}","method":"${method}","path":${path},"status":${status},"duration_ms":`;
    }
    const us = Math.round(durationMs * 1000);
    if (traceparent === null) lines.line(beginning + (ENDINGS[us] ?? `${us / 1000}}\n`));
    else lines.line(`${beginning}${us / 1000}${traceFields(traceparent)}}\n`);
  };
}

/** The path as JSON text: escaped, without its query (where secrets stand), and of limited length. */
export function pathForLog(url: string): string {
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('//') + 2);
  const query = url.indexOf('?', start);
  const path = url.slice(start, query === -1 ? undefined : query);
  return JSON.stringify(path.length > MAX_PATH_CHARACTERS ? `${path.slice(0, MAX_PATH_CHARACTERS)}…` : path);
}

const MAX_PATH_CHARACTERS = 1024;
/** Of lines below a millisecond: writing the number would cost as much as the rest of the line. */
const ENDINGS: readonly string[] = Array.from({ length: 1000 }, (_, us) => `${us / 1000}}\n`);

function traceFields(traceparent: string): string {
  const trace = readTraceparent(traceparent);
  return trace === undefined ? '' : `,"trace_id":"${trace.traceId}","parent_id":"${trace.parentId}"`;
}
