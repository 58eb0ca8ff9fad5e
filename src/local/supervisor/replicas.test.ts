import { afterEach, describe, expect, test } from 'bun:test';
import type { Release, Settings } from '../../core/release.ts';
import type { Desired } from '../../core/rollout.ts';
import { totalOf } from '../../core/traffic.ts';
import { failed } from '../../core/verdict.ts';
import { birthOf } from '../birth.ts';
import { type FakeState, fakeBaseEnv, makeState, fakeRollout as rollout, until } from '../fake-state.ts';
import { Processes } from './processes.ts';
import type { Replica } from './replica.ts';
import { Replicas } from './replicas.ts';

const opened: { readonly close: () => unknown }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

describe('the stable release', () => {
  test('has as many replicas as are wanted', async () => {
    const { replicas, release, ready } = make();

    replicas.apply({ replicas: 2, stable: { release: release('plain.ts') } });
    await ready(2);

    expect(replicas.states().map(({ phase, restarts }) => [phase, restarts])).toEqual([
      ['ready', 0],
      ['ready', 0],
    ]);
    expect(replicas.routable().length).toBe(2);
  });

  test('gets more, and keeps those that there are', async () => {
    const { replicas, release, ready } = make();
    const stable = { release: release('plain.ts') };
    replicas.apply({ replicas: 1, stable });
    const [first] = await ready(1);

    replicas.apply({ replicas: 3, stable });
    const all = await ready(3);

    expect(all[0]).toBe(first as Replica);
  });

  test('gets fewer: the first stay, and those that go are not counted as restarts', async () => {
    const { replicas, release, ready, logged } = make();
    const stable = { release: release('plain.ts') };
    replicas.apply({ replicas: 3, stable });
    const [first] = await ready(3);

    replicas.apply({ replicas: 1, stable });
    await until('the others are gone', () => replicas.all.length === 1);
    replicas.apply({ replicas: 2, stable });
    await ready(2);

    expect(replicas.all[0]).toBe(first as Replica);
    expect(replicas.states().map(({ restarts }) => restarts)).toEqual([0, 0]);
    expect(logged()).toEqual([]);
  });

  test('is away from the end of its last replica until one is ready', async () => {
    const { replicas, release, ready } = make();
    replicas.apply({ replicas: 1, stable: { release: release('plain.ts') } });
    const [victim] = await ready(1);
    const atFirst = replicas.awaySince;
    const killedAt = performance.now();

    process.kill(victim?.pid ?? 0, 'SIGKILL');
    await until('it is gone', () => !replicas.all.includes(victim as Replica));
    const { awaySince } = replicas;
    await ready(1);

    expect(atFirst).toBeUndefined();
    expect(awaySince).toBeGreaterThanOrEqual(killedAt);
    expect(replicas.awaySince).toBeUndefined();
  });

  test('has a replica that was killed started again at once, and the others go on', async () => {
    const { replicas, release, ready } = make();
    replicas.apply({ replicas: 2, stable: { release: release('plain.ts') } });
    const [victim, other] = await ready(2);

    process.kill(victim?.pid ?? 0, 'SIGKILL');
    await until('it is gone', () => !replicas.all.includes(victim as Replica));
    const again = await ready(2);

    expect(again[0]).toBe(other as Replica);
    expect(again.map(({ restarts }) => restarts)).toEqual([0, 1]);
    expect(replicas.lastTrouble(again[0]?.key ?? '')).toMatch(/^signal SIGKILL/);
  });

  test('that keeps crashing is started again and again, with pauses that grow', async () => {
    const { replicas, release, created } = make();

    replicas.apply({ replicas: 1, stable: { release: release('crash-at-start.ts') } });
    await until('it was started six times', () => created.length === 6);

    const gaps = created.slice(1).map(({ at }, index) => at - (created[index]?.at ?? 0));
    expect(created.map(({ replica }) => replica.restarts)).toEqual([0, 1, 2, 3, 4, 5]);
    for (const [index, least] of [0, 50, 100, 200, 400].entries())
      expect(gaps[index]).toBeGreaterThanOrEqual(least - 1);
    expect(replicas.all.length).toBeLessThanOrEqual(1);
  });

  test('that keeps crashing never has more replicas than are wanted', async () => {
    const { replicas, release, created } = make();
    const counts: number[] = [];

    replicas.apply({ replicas: 3, stable: { release: release('crash-at-start.ts') } });
    await until('it was started six times', () => {
      counts.push(replicas.all.length);
      return created.length >= 6;
    });

    expect(Math.max(...counts)).toBeLessThanOrEqual(3);
  });

  test('that is not wanted any more during such a pause is not started again', async () => {
    const { replicas, release, created } = make();
    replicas.apply({ replicas: 1, stable: { release: release('crash-at-start.ts') } });
    await until('there are pauses', () => created.length === 3);
    await until('none runs', () => replicas.all.length === 0);

    replicas.apply({ replicas: 1, stable: { release: release('plain.ts') } });
    await until('another serves', () => replicas.routable().length === 1);
    const count = created.length;
    await until('the pause is over', () => Date.now() - (created[2]?.at ?? 0) > 120);

    expect(created.length).toBe(count);
  });
});

describe('a candidate', () => {
  test('is one beside all stable replicas, then as many as they', async () => {
    const { replicas, release, ready } = make();
    const [stable, candidate] = [{ release: release('plain.ts') }, { release: release('good.ts') }];
    replicas.apply({ replicas: 2, stable });
    const before = await ready(2);

    replicas.apply({ replicas: 2, stable, rollout, candidate: { ...candidate, size: 'none' } });
    const none = replicas.all.length;
    replicas.apply({ replicas: 2, stable, rollout, candidate: { ...candidate, size: 'one' } });
    const one = await ready(3);
    replicas.apply({ replicas: 2, stable, rollout, candidate: { ...candidate, size: 'all' } });
    const all = await ready(4);

    expect(none).toBe(2);
    expect(one.slice(0, 2)).toEqual(before as Replica[]);
    expect(all.slice(0, 3)).toEqual(one as Replica[]);
  });

  test('that ended is not started again: how it ended is what it is judged by', async () => {
    const { replicas, release, created } = make();
    const desired: Desired = {
      replicas: 2,
      rollout,
      candidate: { release: release('crash-at-start.ts'), size: 'all' },
    };
    replicas.apply(desired);
    await until('both have ended', () => replicas.all.filter(({ phase }) => phase === 'ended').length === 2);

    replicas.apply(desired);

    expect(created.length).toBe(2);
    expect(
      replicas.states().map(({ phase, trouble }) => [phase, trouble?.cause, trouble?.isConclusive]),
    ).toEqual([
      ['ended', 'crashed', true],
      ['ended', 'crashed', true],
    ]);
    expect(replicas.routable()).toEqual([]);
  });

  for (const judged of [failed('errors', 'x'), { kind: 'good' } as const])
    test(`that was judged ${judged.kind} gets no more replicas`, async () => {
      const { replicas, release, created } = make();

      replicas.apply({
        replicas: 2,
        rollout: { ...rollout, judged },
        candidate: { release: release('plain.ts'), size: 'all' },
      });

      expect(created).toEqual([]);
    });

  test('that becomes the stable release keeps its replicas, and those before it go', async () => {
    const { replicas, release, ready } = make();
    const [stable, candidate] = [{ release: release('plain.ts') }, { release: release('good.ts') }];
    replicas.apply({ replicas: 2, stable });
    await ready(2);
    replicas.apply({ replicas: 2, stable, rollout, candidate: { ...candidate, size: 'all' } });
    const promoted = (await ready(4)).slice(2);

    replicas.apply({ replicas: 2, stable: candidate, rollout: { ...rollout, judged: { kind: 'good' } } });
    const isLeaving = replicas.isLeaving();
    await until('the others are gone', () => replicas.all.length === 2);

    expect(isLeaving).toBe(true);
    expect(replicas.all).toEqual(promoted as Replica[]);
    expect(replicas.isLeaving()).toBe(false);
    expect(replicas.states().map(({ restarts }) => restarts)).toEqual([0, 0]);
  });

  test('that is taken back goes, and the stable replicas stay as they were', async () => {
    const { replicas, release, ready, created } = make();
    const [stable, candidate] = [{ release: release('plain.ts') }, { release: release('good.ts') }];
    replicas.apply({ replicas: 2, stable });
    const before = await ready(2);
    replicas.apply({ replicas: 2, stable, rollout, candidate: { ...candidate, size: 'all' } });
    const gone = (await ready(4)).slice(2);

    replicas.apply({ replicas: 2, stable, rollout: { ...rollout, judged: failed('errors', 'x') } });
    await until('it is gone', () => replicas.all.length === 2);

    expect(replicas.all).toEqual(before as Replica[]);
    expect(created.length).toBe(4);
    for (const { pid } of gone) expect(birthOf(pid ?? 0)).toBeUndefined();
  });

  test('of the same release with other secrets is another', async () => {
    const { replicas, release, ready } = make();
    const stable = { release: release('plain.ts') };
    replicas.apply({ replicas: 1, stable });
    await ready(1);

    replicas.apply({
      replicas: 1,
      stable,
      rollout,
      candidate: { ...stable, secretSet: 'amber', size: 'one' },
    });
    await until('there are two', () => replicas.all.length === 2);

    const [one, two] = replicas.states();
    expect(one?.release).toBe(two?.release as string);
    expect(one?.key).not.toBe(two?.key as string);
  });
});

describe('traffic', () => {
  test('of replicas that are gone is counted on', async () => {
    const { replicas, release, ready } = make();
    const stable = { release: release('plain.ts') };
    replicas.apply({ replicas: 2, stable, rollout });
    const [first, second] = await ready(2);
    for (const replica of [first, second]) replica?.front.answered(true, 1);
    second?.probe.answered(false, 1);
    const before = replicas.traffic().filter(({ replica }) => replica === second?.id);

    replicas.apply({ replicas: 1, stable, rollout });
    await until('one is gone', () => replicas.all.length === 1);

    expect(replicas.traffic().filter(({ replica }) => replica === second?.id)).toEqual(before);
    expect(totalOf(replicas.traffic())).toMatchObject({ requests: 3, errors: 1 });
  });

  test('is counted from zero when a rollout begins', async () => {
    const { replicas, release, ready } = make();
    const stable = { release: release('plain.ts') };
    replicas.apply({ replicas: 1, stable });
    const [replica] = await ready(1);
    replica?.front.answered(true, 1);

    replicas.resetTraffic();

    expect(totalOf(replicas.traffic()).requests).toBe(0);
  });

  test('of replicas that went outside of a rollout is not kept', async () => {
    const { replicas, release, ready } = make();
    const stable = { release: release('plain.ts') };
    replicas.apply({ replicas: 1, stable });
    const [replica] = await ready(1);
    replica?.front.answered(true, 1);

    replicas.apply({ replicas: 1 });
    await until('it is gone', () => replicas.all.length === 0);

    expect(replicas.traffic()).toEqual([]);
  });
});

test('a replica that is in trouble and goes is not one that was well', async () => {
  const { replicas, release, ready } = make();
  replicas.apply({ replicas: 1, rollout, candidate: { release: release('plain.ts'), size: 'one' } });
  const [replica] = await ready(1);
  if (replica) replica.trouble = { cause: 'never-ready', message: 'x', isConclusive: false };

  replicas.apply({ replicas: 1, rollout });

  expect(replicas.all[0]?.phase).toBe('draining');
  expect(replicas.isLeaving()).toBe(false);
});

test('whoever waits for a change is told of it', async () => {
  const { replicas, release } = make();
  replicas.apply({ replicas: 1, stable: { release: release('plain.ts') } });

  await until('one is ready', async () => {
    await replicas.changed();
    return replicas.routable().length === 1;
  });

  expect(replicas.routable().length).toBe(1);
});

test('closing retires all, also what is starting, and starts none again', async () => {
  const { replicas, release, ready, created } = make();
  const stable = { release: release('plain.ts') };
  replicas.apply({ replicas: 2, stable });
  await ready(2);
  replicas.apply({
    replicas: 2,
    stable,
    rollout,
    candidate: { release: release('never-listens.ts'), size: 'one' },
  });
  const pids = replicas.all.map(({ pid }) => pid ?? 0);

  await replicas.close();

  expect(pids.map(birthOf)).toEqual([undefined, undefined, undefined]);
  expect(created.length).toBe(3);
});

function make() {
  const state: FakeState = makeState();
  const processes = new Processes({ paths: state.paths, baseEnv: fakeBaseEnv, onProcess: () => undefined });
  const created: { readonly at: number; readonly replica: Replica }[] = [];
  const events: string[] = [];
  const replicas = new Replicas({
    create: (running, restarts, onChange) => {
      const replica = processes.createReplica(running, restarts, onChange);
      created.push({ at: performance.now(), replica });
      return replica;
    },
    log: (event) => events.push(event),
  });
  opened.push({ close: () => state[Symbol.dispose]() }, replicas);
  return {
    replicas,
    created,
    logged: () => events,
    release: (fixture: string, settings?: Partial<Settings>): Release => state.release(fixture, settings),
    ready: async (count: number): Promise<readonly Replica[]> => {
      await until(`${count} are ready`, () => replicas.routable().length === count);
      return replicas.all;
    },
  };
}
