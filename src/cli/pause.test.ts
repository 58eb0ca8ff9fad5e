import { expect, test } from 'bun:test';
import { PassThrough } from 'node:stream';
import { pause } from './pause.ts';

const terminal = () => Object.assign(new PassThrough(), { isTTY: true }) as unknown as NodeJS.ReadStream;

test('a pause on a terminal ends with Enter', async () => {
  const stdin = terminal();
  const ended = pause(stdin, new AbortController().signal);

  (stdin as unknown as PassThrough).write('\n');

  expect(await ended).toBe(true);
  expect(stdin.isPaused()).toBe(true);
  expect(stdin.listenerCount('data')).toBe(0);
});

test.each([true, false])('Ctrl-C ends a pause, with a terminal: %p', async (isTTY) => {
  const interrupt = new AbortController();
  const stdin = Object.assign(terminal(), { isTTY });
  const ended = pause(stdin, interrupt.signal);

  interrupt.abort();

  expect(await ended).toBe(false);
  expect(await pause(stdin, interrupt.signal)).toBe(false);
  expect(stdin.listenerCount('data')).toBe(0);
});
