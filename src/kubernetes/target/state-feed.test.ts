import { expect, test } from 'bun:test';
import { UnreachableError } from '../../core/errors.ts';
import { StateFeed } from './state-feed.ts';

test.each([
  ['an answer that comes late is told', 2_000, ['no answer for 2.0 s']],
  ['one that comes in time is not', 1_000, []],
])('%s', async (_, tookMs, told) => {
  let now = 0;
  const answered = Promise.withResolvers<void>();
  const feed = new StateFeed({
    store: {
      readState: async () => {
        now += tookMs;
        return undefined;
      },
    },
    onChange: answered.resolve,
    onReturn: () => undefined,
    clock: () => now,
  });

  feed.start();
  await answered.promise;
  feed.close();

  expect(feed.late).toEqual(told);
  expect(feed.isFresh).toBe(true);
});

test('an API that is away is told as that, and not as late', async () => {
  let now = 0;
  const refused = Promise.withResolvers<void>();
  const feed = new StateFeed({
    store: {
      readState: () => {
        now += 2_000;
        const words = { message: 'connection refused', hint: 'ask again' };
        return Promise.reject(new UnreachableError({ code: 'environment_unreachable', ...words }));
      },
    },
    onChange: refused.resolve,
    onReturn: () => undefined,
    clock: () => now,
  });

  feed.start();
  await refused.promise;
  feed.close();

  expect(feed.cause).toBe('connection refused');
  expect(feed.late).toEqual([]);
});
