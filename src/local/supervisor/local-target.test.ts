import { afterEach, describe, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Release } from '../../core/release.ts';
import type { Desired } from '../../core/rollout.ts';
import type { Seen } from '../../core/target.ts';
import { failed } from '../../core/verdict.ts';
import { readDesired } from '../desired.ts';
import { fakeBaseEnv, fakeRecord, makeState, fakeRollout as rollout, until } from '../fake-state.ts';
import { artifactFolder } from '../store.ts';
import { FrontDoor } from './front-door.ts';
import { LocalTarget } from './local-target.ts';
import { Processes } from './processes.ts';
import { Replicas } from './replicas.ts';
import { TrafficProbe } from './traffic-probe.ts';

const opened: { readonly close: () => unknown }[] = [];
const { signal } = new AbortController();
const holder = { by: 'ada', purpose: 'deploy' };

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

describe('what is set', () => {
  test('is on the disk before a replica is started or retired', async () => {
    const { target, release, paths, replicas } = make();
    const desired: Desired = { replicas: 1, stable: { release: release('plain.ts') } };
    const stored: unknown[] = [];
    const { apply } = replicas;
    replicas.apply = (given) => {
      stored.push(readDesired(paths));
      apply.call(replicas, given);
    };

    const lock = await target.lock(holder);
    await target.set(desired, lock);
    await target.set({ replicas: 1 }, lock);

    expect(stored).toEqual([desired, { replicas: 1 }]);
  });

  test('is what is seen afterwards, with the replicas of it', async () => {
    const { target, release } = make();
    const desired: Desired = { replicas: 2, stable: { release: release('plain.ts') } };

    await target.set(desired, await target.lock(holder));
    const first = await seen(target);
    const later = await seen(target, ({ replicas }) => replicas.every(({ phase }) => phase === 'ready'));

    expect(first.desired).toEqual(desired);
    expect(first.replicas.length).toBe(2);
    expect(later.replicas.map(({ release }) => release)).toEqual(Array(2).fill(desired.stable?.release.id));
  });

  test('and cannot be stored, starts nothing', async () => {
    const { target, release, paths, replicas } = make();
    const lock = await target.lock(holder);
    const before: Desired = { replicas: 1 };
    await target.set(before, lock);
    block(paths.desired);

    const set = target.set(
      { replicas: 1, rollout, candidate: { release: release('plain.ts'), size: 'one' } },
      lock,
    );

    await expect(set).rejects.toThrow('desired.json');
    expect(replicas.all).toEqual([]);
    expect(target.desired).toEqual(before);
  });

  test('and takes a bad release out, is done though it cannot be stored', async () => {
    const { target, release, paths, replicas, logged } = make();
    const lock = await target.lock(holder);
    await target.set(
      { replicas: 1, rollout, candidate: { release: release('plain.ts'), size: 'one' } },
      lock,
    );
    await until('it is ready', () => replicas.routable().length === 1);
    block(paths.desired);

    await target.set({ replicas: 1, rollout: { ...rollout, judged: failed('errors', 'x') } }, lock);
    await until('it is gone', () => replicas.all.length === 0);

    expect(logged).toEqual(['desired state could not be stored']);
  });

  test('by a holder whose lock went to another is refused', async () => {
    const { target, paths } = make();
    const late = await target.lock(holder);
    await late.release();
    const lock = await target.lock(holder);
    await target.set({ replicas: 2 }, lock);

    const set = target.set({ replicas: 3 }, late);

    await expect(set).rejects.toThrow('the lock was given to another');
    expect(readDesired(paths)).toEqual({ replicas: 2 });
  });
});

test('the lock is held by one, and a late release of an earlier holder does not free it', async () => {
  const { target } = make();
  const first = await target.lock(holder);
  const whileHeld = target.lock(holder);
  await expect(whileHeld).rejects.toThrow('locked for: deploy');

  await first.release();
  const second = await target.lock(holder);
  await first.release();

  await expect(target.lock(holder)).rejects.toThrow('locked for: deploy');
  expect(second.token).toBeGreaterThan(first.token);
});

describe('preflight', () => {
  const tryOut = (command: readonly string[], files: readonly string[] = []) => {
    const { target, release, paths } = make();
    const candidate: Release = {
      ...release('plain.ts'),
      artifact: 'sha256:preflight',
      command: [...command],
    };
    const folder = artifactFolder(paths, candidate.artifact);
    mkdirSync(folder);
    for (const file of files) writeFileSync(join(folder, file), '#!/bin/sh\n', { mode: 0o755 });
    return target.preflight({ replicas: 1, candidate: { release: candidate, size: 'one' } }, signal);
  };

  test('finds a program that is missing', async () => {
    const [finding] = await tryOut(['no-such-program', 'x']);

    expect(finding).toMatchObject({
      isProblem: true,
      message: 'no-such-program was not found, neither on PATH nor in the artifact',
    });
  });

  test('is content with a program on PATH, and with one in the artifact', async () => {
    expect(await tryOut(['bun', 'main.ts'])).toEqual([]);
    expect(await tryOut(['./server'], ['server'])).toEqual([]);
  });

  test('has nothing to say where there is no candidate', async () => {
    expect(await make().target.preflight({ replicas: 1 }, signal)).toEqual([]);
  });
});

test('a release whose artifact is not stored cannot be published', async () => {
  const { target, release } = make();

  await target.publish(release('plain.ts'), signal);
  const missing = target.publish({ ...release('plain.ts'), artifact: 'sha256:gone' }, signal);

  await expect(missing).rejects.toThrow(/ is made of is gone: .*\/artifacts\/gone$/);
});

describe('observations', () => {
  test('come by themselves, and at once when a replica changes', async () => {
    const { target, release } = make();
    await target.set({ replicas: 1, stable: { release: release('plain.ts') } }, await target.lock(holder));
    const phases: string[] = [];

    for await (const observation of target.observe(signal)) {
      if (observation.kind === 'seen') phases.push(observation.replicas[0]?.phase ?? 'none');
      if (phases.at(-1) === 'ready') break;
    }

    expect(phases[0]).toBe('starting');
  });

  test('end when they are given up', async () => {
    const { target } = make();
    const giveUp = new AbortController();
    let count = 0;

    for await (const _ of target.observe(giveUp.signal)) {
      count += 1;
      if (count === 2) giveUp.abort();
    }

    expect(count).toBe(2);
  });

  test('hold the traffic of a rollout from its beginning, of the front door and of the probe', async () => {
    const { target, release, front } = make();
    const lock = await target.lock(holder);
    const stable = { release: release('plain.ts') };
    await target.set({ replicas: 1, stable }, lock);
    await seen(target, ({ replicas }) => replicas.every(({ phase }) => phase === 'ready'));
    await fetch(`http://127.0.0.1:${front.port}/`);
    front.unreached.errors += 1;

    await target.set(
      { replicas: 1, stable, rollout, candidate: { release: release('good.ts'), size: 'one' } },
      lock,
    );
    const begun = await seen(target);
    const later = await seen(target, ({ traffic }) => traffic.filter(({ ok }) => ok >= 3).length === 4);

    expect(begun.traffic.reduce((sum, { ok, errors }) => sum + ok + errors, 0)).toBe(0);
    const [one, two] = later.replicas.map(({ id }) => id);
    expect(later.traffic.filter(({ ok }) => ok >= 3).map(({ source, replica }) => [source, replica])).toEqual(
      [
        ['front', one],
        ['probe', one],
        ['front', two],
        ['probe', two],
      ] as [string, string][],
    );
    expect(later.traffic.reduce((sum, { errors, lost }) => sum + errors + lost, 0)).toBe(0);
  });

  test('hold no requests of ours any more when the rollout has ended', async () => {
    const { target, release, replicas } = make();
    const lock = await target.lock(holder);
    const stable = { release: release('plain.ts') };
    await target.set({ replicas: 1, stable, rollout }, lock);
    await seen(target, ({ traffic }) => traffic.some(({ ok }) => ok > 0));

    await target.set({ replicas: 1, stable }, lock);
    await until('the last one is answered', () => replicas.all.every(({ inFlight }) => inFlight === 0));
    const [before] = (await seen(target)).traffic;
    const looks: Seen[] = [];
    const [after] = (await seen(target, (look) => looks.push(look) === 4)).traffic;

    expect(after?.ok).toBe(before?.ok as number);
  });
});

describe('evidence', () => {
  test('is of the replica that ended, though another of the release is well', async () => {
    const { target, release, replicas } = make();
    const candidate = { release: release('plain.ts') };
    await target.set(
      { replicas: 2, rollout, candidate: { ...candidate, size: 'all' } },
      await target.lock(holder),
    );
    await until('both are ready', () => replicas.routable().length === 2);
    replicas.all[1]?.kill();
    await until('it has ended', () => replicas.all[1]?.phase === 'ended');

    const evidence = await target.evidence(candidate);

    expect(evidence.exit).toBe('signal SIGKILL');
    expect(evidence.lines[0]).toStartWith('listening on http://127.0.0.1:');
  });

  test('is what is left on the disk, where an earlier supervisor ran it', async () => {
    const { target, release, paths } = make();
    const candidate = { release: release('plain.ts') };
    for (const [at, text] of [
      [1_000, 'the first'],
      [2_000, 'the last\nwords'],
    ] as const) {
      const folder = join(paths.logs, `${candidate.release.id.slice(0, 7)}-${at}-1`);
      mkdirSync(folder);
      writeFileSync(join(folder, 'out'), text);
    }

    expect(await target.evidence(candidate)).toEqual({ lines: ['the last', 'words'] });
  });

  test('is empty where nothing is left', async () => {
    const { target, release } = make();

    expect(await target.evidence({ release: release('plain.ts') })).toEqual({ lines: [] });
  });
});

test('the history is kept beside the environment', async () => {
  const { target, paths } = make();

  await target.history.append(fakeRecord({ id: 'one' }));

  expect(readFileSync(paths.history, 'utf8')).toContain('"id":"one"');
});

function make() {
  const state = makeState();
  const { paths } = state;
  const processes = new Processes({ paths, baseEnv: fakeBaseEnv, onProcess: () => undefined });
  const replicas = new Replicas({
    create: (running, restarts, onChange) => processes.createReplica(running, restarts, onChange),
    log: () => undefined,
  });
  const routable = () => replicas.routable();
  const front = new FrontDoor({
    routable,
    changed: () => replicas.changed(),
    isExpected: () => true,
    isLeaving: () => replicas.isLeaving(),
  });
  front.open(0);
  const probe = new TrafficProbe({ front, routable });
  const logged: string[] = [];
  const target = new LocalTarget(
    {
      paths,
      replicas,
      front,
      probe,
      log: (event) => logged.push(event),
      runnerOf: () => processes,
      goesDown: signal,
    },
    { replicas: 1 },
  );
  opened.push({ close: () => state[Symbol.dispose]() }, replicas, front, { close: () => probe.stop() });
  return { target, paths, replicas, front, logged, release: state.release };
}

/** The first that is seen of which the claim holds. */
async function seen(target: LocalTarget, claim: (seen: Seen) => boolean = () => true): Promise<Seen> {
  for await (const observation of target.observe(AbortSignal.timeout(10_000)))
    if (observation.kind === 'seen' && claim(observation)) return observation;
  throw new Error('that was not seen');
}

/** A folder in the place of a file cannot be replaced by one. */
function block(path: string): void {
  rmSync(path, { force: true });
  mkdirSync(join(path, 'in the way'), { recursive: true });
}
