import { afterEach, describe, expect, test } from 'bun:test';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Desired } from '../../core/rollout.ts';
import { readDesired, writeDesired } from '../desired.ts';
import { type FakeState, fakeRecord, makeState } from '../fake-state.ts';
import { openHistory } from '../history.ts';
import { artifactFolder } from '../store.ts';
import { recoverDesired } from './recover.ts';

const states: FakeState[] = [];

afterEach(() => {
  for (const state of states.splice(0)) state[Symbol.dispose]();
});

test('what was stored is what shall be again', async () => {
  const { paths, release } = newState();
  const desired: Desired = { replicas: 3, stable: { release: release('good.ts'), secretSet: 'amber' } };
  writeDesired(paths, desired);

  expect(await recover(paths)).toEqual({ desired, events: [] });
});

test('what a newer Causeway has written is refused, and not taken for damaged', async () => {
  const { paths } = newState();
  writeFileSync(paths.desired, JSON.stringify({ schemaVersion: 2, replicas: 3, surge: 'one' }));

  expect(() => readDesired(paths)).toThrow('has schema version 2, and this Causeway knows 1');
});

test('a version that only a flipped bit has made newer is damage', () => {
  const { paths } = newState();
  writeDesired(paths, { replicas: 3 });
  const text = readFileSync(paths.desired, 'utf8');

  writeFileSync(paths.desired, text.replace('"schemaVersion":1', '"schemaVersion":5'));

  expect(readDesired(paths)).toBe('damaged');
});

test('where nothing was stored, nothing shall be', async () => {
  expect(await recover(newState().paths)).toEqual({ desired: { replicas: 1 }, events: [] });
});

describe('where what was stored is damaged', () => {
  for (const damage of ['', '{"replicas":2,"sta', '{"replicas":0}', '\0\0\0\0'])
    test(`as ${JSON.stringify(damage)}, the last good release serves again`, async () => {
      const { paths, release } = newState();
      const [good, bad] = [release('good.ts'), release('crash-at-start.ts')];
      writeFileSync(paths.desired, damage);
      for (const one of [good, bad])
        writeFileSync(join(paths.releases, `${one.id}.json`), JSON.stringify(one));
      const history = openHistory(paths);
      await history.append(fakeRecord({ id: 'one', release: good.id }));
      await history.append(
        fakeRecord({
          id: 'two',
          release: bad.id,
          verdict: { kind: 'failed', cause: 'crashed', message: 'x' },
        }),
      );

      const { desired, events } = await recover(paths);

      expect(desired.stable).toEqual({ release: good });
      expect(events).toEqual(['desired state was lost; the last good release serves again']);
    });

  test('by one bit, which leaves JSON of the right shape, the last good release serves again', async () => {
    const { paths, release } = newState();
    const good = release('good.ts');
    writeDesired(paths, { replicas: 2, stable: { release: good } });
    writeFileSync(paths.desired, readFileSync(paths.desired, 'utf8').replace(/"replicas":2/, '"replicas":3'));
    writeFileSync(join(paths.releases, `${good.id}.json`), JSON.stringify(good));
    await openHistory(paths).append(fakeRecord({ id: 'one', release: good.id }));

    const { events } = await recover(paths);

    expect(events).toEqual(['desired state was lost; the last good release serves again']);
  });

  test('and the last good release is not kept, the one before it does', async () => {
    const { paths, release } = newState();
    const good = release('good.ts');
    writeFileSync(paths.desired, '');
    writeFileSync(join(paths.releases, `${good.id}.json`), JSON.stringify(good));
    const history = openHistory(paths);
    await history.append(fakeRecord({ id: 'one', release: good.id }));
    await history.append(fakeRecord({ id: 'two', release: 'gone' }));

    expect((await recover(paths)).desired.stable).toEqual({ release: good });
  });

  test('and no good release is kept whole, nothing runs, and that is said', async () => {
    const { paths, release } = newState();
    const good = release('good.ts');
    writeFileSync(paths.desired, '');
    writeFileSync(join(paths.releases, `${good.id}.json`), JSON.stringify(good));
    await openHistory(paths).append(fakeRecord({ id: 'one', release: good.id }));
    rmSync(artifactFolder(paths, good.artifact));

    expect(await recover(paths)).toEqual({
      desired: { replicas: 1 },
      events: ['desired state was lost, and no good release is kept'],
    });
  });
});

async function recover(paths: FakeState['paths']) {
  const events: string[] = [];
  const desired = await recoverDesired(paths, { isRestart: false, log: (event) => void events.push(event) });
  return { desired, events };
}

function newState(): FakeState {
  const state = makeState();
  states.push(state);
  return state;
}
