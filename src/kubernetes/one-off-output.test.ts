import { describe, expect, test } from 'bun:test';
import { UnreachableError } from '../core/errors.ts';
import { refusal } from './api/fake-patch.ts';
import { followOutput, joinOutput } from './one-off-output.ts';

const { signal } = new AbortController();

describe('of a process in a terminal', () => {
  function open() {
    const shown: string[] = [];
    const take = (bytes: Uint8Array) => void shown.push(new TextDecoder().decode(bytes));
    const log: string[] = [];
    const output = joinOutput({
      terminal: { isTerminal: true, output: take, errors: take },
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
    come('two\r\nthree\r\n');
    come('four\r\n');

    await catchUp();
    come('five\r\n');
    log.push('four', 'five');
    await finish();

    expect(shown()).toBe('one\r\ntwo\r\nthree\r\nfour\r\nfive\r\n');
  });

  test('a terminal is never written over afterwards', async () => {
    const { log, come, catchUp, finish, shown } = open();
    await catchUp();
    come('ls\r\n');
    log.push('$ ls');

    await finish();

    expect(shown()).toBe('ls\r\n');
  });

  test('of a process that was never joined all comes from the log, as a terminal takes it', async () => {
    const { log, catchUp, finish, shown } = open();
    log.push('one', 'two\r');
    await catchUp();

    await finish();

    expect(shown()).toBe('one\r\ntwo\r\n');
  });
});

describe('of a process without one', () => {
  /** A log that is asked for again and again: of each time what comes, and how it ends. */
  function openLog(
    times: readonly { readonly bytes: string; readonly error?: Error }[],
    endsAfter = times.length - 1,
  ) {
    const shown: Uint8Array[] = [];
    let asked = 0;
    const followed: (boolean | undefined)[] = [];
    const options = {
      api: {
        async *printed(_pod: string, { isFollowed }: { readonly isFollowed?: boolean }) {
          followed.push(isFollowed);
          const { bytes = '', error } = times[asked] ?? {};
          asked += 1;
          for (const byte of Buffer.from(bytes, 'latin1')) yield new Uint8Array([byte]);
          if (error) throw error;
        },
      },
      pod: 'shop-run',
      container: 'service',
      show: (bytes: Uint8Array) => void shown.push(bytes.slice()),
      hasEnded: async () => asked >= endsAfter,
      signal,
    };
    const run = () => followOutput(options);
    return { run, followed, shown: () => Buffer.concat(shown).toString('latin1') };
  }

  const cut = new UnreachableError({ code: 'environment_unreachable', message: 'cut', hint: 'wait' });

  test('its log is followed, and once it has ended read to its end', async () => {
    const { run, followed, shown } = openLog([{ bytes: 'one\nt' }, { bytes: 'one\ntwo' }]);

    await run();

    expect(shown()).toBe('one\ntwo');
    expect(followed.slice(0, 2)).toEqual([true, false]);
  });

  test('where the connection is cut it comes once all the same, byte for byte', async () => {
    const all = '\x00\xff\xfe one \x80\n'.repeat(50);
    const { run, shown } = openLog([
      { bytes: all.slice(0, 200), error: cut },
      { bytes: all.slice(0, 90), error: cut },
      { bytes: all },
      { bytes: all },
    ]);

    await run();

    expect(shown()).toBe(all);
  });

  test('what is written to its log only after its end was told comes too', async () => {
    const { run, shown } = openLog([{ bytes: 'one\n' }, { bytes: 'one\n' }, { bytes: 'one\ntwo\n' }], 1);

    await run();

    expect(shown()).toBe('one\ntwo\n');
  });

  test('one that could not be started has none', async () => {
    const { run, shown } = openLog([
      { bytes: '', error: refusal(400, 'BadRequest', 'it is waiting to start') },
    ]);

    await run();

    expect(shown()).toBe('');
  });

  test('whoever may not read logs is told', async () => {
    const { run } = openLog([{ bytes: '', error: refusal(403, 'Forbidden', 'no pods/log') }]);

    await expect(run()).rejects.toThrow('no pods/log');
  });
});
