import { expect, test } from 'bun:test';
import { InFlight } from './in-flight.ts';

const { signal } = new AbortController();

/** Work that ends when it is told to, or is aborted. */
function open() {
  const flights = new InFlight<string>();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const begun: AbortSignal[] = [];
  const begin = (inner: AbortSignal) => {
    begun.push(inner);
    inner.addEventListener('abort', () => reject(inner.reason));
    return promise;
  };
  return { join: (own: AbortSignal) => flights.join('it', own, begin), begun, resolve };
}

test('who wants the same at a time gets it from one work, and who wants it later begins anew', async () => {
  const { join, begun, resolve } = open();

  const both = Promise.all([join(signal), join(signal)]);
  resolve('done');

  expect(await both).toEqual(['done', 'done']);
  expect(begun).toHaveLength(1);
  await join(signal);
  expect(begun).toHaveLength(2);
});

test('one that lets go does not end the work of another', async () => {
  const { join, begun, resolve } = open();
  const leaver = new AbortController();

  const [left, stayed] = [join(leaver.signal), join(signal)];
  leaver.abort(new Error('left'));
  await expect(left).rejects.toThrow('left');
  expect(begun[0]?.aborted).toBe(false);
  resolve('done');

  expect(await stayed).toBe('done');
});

test('the last that lets go ends it', async () => {
  const { join, begun } = open();
  const leaver = new AbortController();

  const left = join(leaver.signal);
  leaver.abort(new Error('left'));

  await expect(left).rejects.toThrow('left');
  expect(begun[0]?.aborted).toBe(true);
});
