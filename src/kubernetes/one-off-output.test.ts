import { expect, test } from 'bun:test';
import { joinOutput } from './one-off-output.ts';

function open({ isTerminal = false } = {}) {
  const shown: string[] = [];
  const take = (bytes: Uint8Array) => void shown.push(new TextDecoder().decode(bytes));
  const log: string[] = [];
  const output = joinOutput({
    terminal: { isTerminal, output: take, errors: take },
    printed: async function* () {
      yield* log;
    },
  });
  const come = (text: string) => output.streams.output(new TextEncoder().encode(text));
  return { ...output, log, come, shown: () => shown.join('') };
}

test('what was printed before joining comes from the log, and what came both ways once', async () => {
  const { log, come, catchUp, finish, shown } = open();
  log.push('one', 'two', 'three');
  come('two\nthree\n');
  come('four\n');

  await catchUp();
  come('five\n');
  log.push('four', 'five');
  await finish();

  expect(shown()).toBe('one\ntwo\nthree\nfour\nfive\n');
});

test('what came neither way is shown at the end', async () => {
  const { log, come, catchUp, finish, shown } = open();
  await catchUp();
  come('two\n');
  log.push('one', 'two');

  await finish();

  expect(shown()).toBe('two\none\n');
});

test('a last line without an end is shown once', async () => {
  const { log, come, catchUp, finish, shown } = open();
  await catchUp();
  come('one\ntwo');
  log.push('one', 'two');

  await finish();

  expect(shown()).toBe('one\ntwo');
});

test('a terminal is never written over afterwards', async () => {
  const { log, come, catchUp, finish, shown } = open({ isTerminal: true });
  await catchUp();
  come('ls\r\n');
  log.push('$ ls');

  await finish();

  expect(shown()).toBe('ls\r\n');
});

test('of a process that was never joined all comes from the log, as a terminal takes it', async () => {
  const { log, catchUp, finish, shown } = open({ isTerminal: true });
  log.push('one', 'two\r');
  await catchUp();

  await finish();

  expect(shown()).toBe('one\r\ntwo\r\n');
});
