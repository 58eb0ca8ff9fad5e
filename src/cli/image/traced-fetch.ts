import type { Fetch } from '../../image/registry/exchange.ts';

/** Requests as ever, each told with its answer. A query may hold the right to read what it names: it is not told. */
export function tracedFetch(trace: (line: string) => void): Fetch {
  return async (url, init) => {
    const answer = await fetch(url, init);
    const { origin, pathname } = new URL(url);
    trace(`${init.method ?? 'GET'} ${origin}${pathname} ${answer.status}`);
    return answer;
  };
}
