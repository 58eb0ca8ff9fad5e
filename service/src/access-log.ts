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

/** One JSON line a request, put together by hand: a logger costs more than the server (13 µs and more). */
export function createAccessLog({ clock, lines }: AccessLogOptions): LogAccess {
  let second = -1;
  let prefix = '';

  return ({ method, path, status, durationMs, traceparent }) => {
    const now = clock.now();
    const nowSecond = Math.floor(now / 1000);
    if (nowSecond !== second) {
      second = nowSecond;
      prefix = `{"time":"${new Date(second * 1000).toISOString().slice(0, 20)}`;
    }
    const ms = Math.floor(now) - second * 1000;
    const trace = traceparent === null ? '' : traceFields(traceparent);
    lines.line(
      `${prefix}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z","method":"${method}","path":${path},"status":${status},"duration_ms":${Math.round(durationMs * 1000) / 1000}${trace}}\n`,
    );
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

function traceFields(traceparent: string): string {
  const trace = readTraceparent(traceparent);
  return trace === undefined ? '' : `,"trace_id":"${trace.traceId}","parent_id":"${trace.parentId}"`;
}
