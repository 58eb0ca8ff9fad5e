import type { Fetch } from '../../image/registry/exchange.ts';
import type { Cli } from '../cli.ts';
import type { Board } from '../terminal/board.ts';

/** With `--verbose`, what a registry is spoken to with, so that each request is told. */
export function traceRequests({ options }: Pick<Cli, 'options'>, board: Board): { readonly fetch?: Fetch } {
  return options.verbose ? { fetch: tracedFetch((line) => board.below(line)) } : {};
}

/** Requests as ever, each told with how it ended. A query may hold the right to read what it names: it is not told. */
export function tracedFetch(trace: (line: string) => void, fetch: Fetch = globalThis.fetch): Fetch {
  return async (url, init) => {
    const { origin, pathname } = new URL(url);
    const request = `${init.method ?? 'GET'} ${origin}${pathname}`;
    try {
      const answer = await fetch(url, init);
      trace(`${request} ${answer.status}`);
      return answer;
    } catch (error) {
      trace(`${request} failed: ${reasonOf(error).replaceAll(url, `${origin}${pathname}`)}`);
      throw error;
    }
  };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? String(error.code) : error.message;
}
