import { afterEach, beforeEach, describe, expect, type Mock, spyOn, test } from 'bun:test';
import fs, { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import type { Desired } from '../core/rollout.ts';
import { writeDesired } from './desired.ts';
import { type FakeState, fakeRecord, makeState } from './fake-state.ts';
import { openHistory } from './history.ts';
import { storeSecrets } from './store.ts';

let state: FakeState;
let done: string[] = [];
const spies: Mock<(...args: never[]) => unknown>[] = [];

/** What the process asks the system for, in its order; each is done as ever. */
beforeEach(() => {
  state = makeState();
  done = [];
  const { fsyncSync, renameSync, writeSync } = fs;
  const nameOf = (file: number) =>
    basename(readlinkSync(`/proc/self/fd/${file}`)).replace(/\.\d.*\.tmp$/, ' beside');
  const note = (what: string) => void done.push(what);
  spies.push(
    spyOn(fs, 'fsyncSync').mockImplementation((file) => {
      note(`sync ${nameOf(file)}`);
      fsyncSync(file);
    }),
    spyOn(fs, 'renameSync').mockImplementation((from, to) => {
      note(`rename to ${basename(String(to))}`);
      renameSync(from, to);
    }),
    spyOn(fs, 'writeSync').mockImplementation(((file: number, ...rest: [Uint8Array]) => {
      note(`write ${nameOf(file)}`);
      return writeSync(file, ...rest);
    }) as typeof fs.writeSync),
  );
});

afterEach(() => {
  for (const spy of spies.splice(0)) spy.mockRestore();
  state[Symbol.dispose]();
});

describe.skipIf(process.platform !== 'linux')(
  'is on the disk, not in its cache alone, once it is stored:',
  () => {
    test('what is desired', () => {
      const desired: Desired = { replicas: 1, stable: { release: state.release('good.ts') } };

      writeDesired(state.paths, desired);

      expect(done).toEqual([
        'write desired.json beside',
        'sync desired.json beside',
        'rename to desired.json',
        'sync state',
      ]);
    });

    test('a record', async () => {
      const history = openHistory(state.paths);

      await history.append(fakeRecord({ id: 'one' }));
      await history.append(fakeRecord({ id: 'two' }));

      const line = ['write history.jsonl', 'sync history.jsonl'];
      expect(done).toEqual([...line, 'sync state', ...line]);
    });

    test('a set of secrets', () => {
      const name = storeSecrets(state.paths, { TOKEN: 'crocus' }, { inUse: [], isFresh: false });

      expect(done).toEqual([
        `write ${name}.json beside`,
        `sync ${name}.json beside`,
        `rename to ${name}.json`,
        'sync secrets',
      ]);
    });
  },
);
