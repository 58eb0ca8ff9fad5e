import { expect, test } from 'bun:test';
import { UnreachableError } from '../../core/errors.ts';
import { StateFeed } from './state-feed.ts';

test.each([
  ['an answer that comes late is told', 2_000, ['no answer for 2.0 s']],
  ['one that comes in time is not', 1_000, []],
])('%s', async (_, tookMs, told) => {
  const feed = await readOnce(tookMs, async () => undefined);

  expect(feed.late).toEqual(told);
  expect(feed.isFresh).toBe(true);
});

test('an API that is away is told as that, and not as late', async () => {
  const words = { message: 'connection refused', hint: 'ask again' };
  const feed = await readOnce(2_000, () =>
    Promise.reject(new UnreachableError({ code: 'environment_unreachable', ...words })),
  );

  expect(feed.cause).toBe('connection refused');
  expect(feed.late).toEqual([]);
});

/** A feed that has asked once, and waited so long. */
async function readOnce(tookMs: number, answer: () => Promise<undefined>): Promise<StateFeed> {
  let now = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const readState = () => {
    now += tookMs;
    return answer();
  };
  const feed = new StateFeed({
    store: { readState },
    onChange: resolve,
    onReturn: () => undefined,
    clock: () => now,
  });
  feed.start();
  await promise;
  feed.close();
  return feed;
}
