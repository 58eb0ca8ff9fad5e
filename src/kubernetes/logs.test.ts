import { expect, test } from 'bun:test';
import type { IPod } from 'kubernetes-models/v1';
import type { LogQuery } from '../core/environment.ts';
import { FakeApi } from './api/fake-api.ts';
import { readPodLogs } from './logs.ts';
import { selectorOf } from './manifests/names.ts';
import { fakePlace as place } from './store/fake-stored.ts';

const { signal } = new AbortController();
const minuteMs = 60_000;

test('what was printed in the last minutes is told by the clock of the cluster, and since a date by that date', async () => {
  const theirs = Date.now() - 10 * minuteMs;
  await using server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => Response.json({}, { headers: { date: new Date(theirs).toUTCString() } }),
  });
  const api = new FakeApi();
  Object.assign(api, { access: { ...api.access, server: `http://127.0.0.1:${server.port}` } });
  api.put<IPod>({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'shop-1', labels: selectorOf(place) } });
  const printed = [8, 4, 0].map((minutes) => new Date(theirs - minutes * minuteMs).toISOString());
  api.logOf.set('shop-1', printed.map((at, index) => `${at} line ${index}`).join('\n'));
  const read = async (query: Omit<LogQuery, 'follow'>) => {
    const texts: string[] = [];
    for await (const { text } of readPodLogs({ api, place, query: { follow: false, ...query }, signal }))
      texts.push(text);
    return texts;
  };
  const since = Date.now() - 5 * minuteMs;

  expect(await read({ since, isSpan: true })).toEqual(['line 1', 'line 2']);
  expect(await read({ since })).toEqual([]);
  expect(await read({ since: theirs - 9 * minuteMs })).toEqual(['line 0', 'line 1', 'line 2']);
});
