import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { IPod } from 'kubernetes-models/v1';
import type { RolloutEvent } from '../../src/core/event.ts';
import type { Release } from '../../src/core/release.ts';
import { type Outcome, takeOut } from '../../src/core/roll-out.ts';
import { kinds } from '../../src/kubernetes/api/kinds.ts';
import { labels, releaseLabel, selectorOf } from '../../src/kubernetes/manifests/names.ts';
import { takeLease } from '../../src/kubernetes/target/lease.ts';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { until } from '../local/project.ts';
import { makeTargetPlace, type Rolling, type TargetPlace } from './target-place.ts';

setDefaultTimeout(120_000);

const signal = new AbortController().signal;
const places: TargetPlace[] = [];

if (await have('a cluster', findCluster)) describe('the engine on a cluster', testTarget);

function testTarget(): void {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await openCluster();
  }, 20 * 60_000);

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  afterEach(async () => {
    for (const place of places.splice(0)) await place[Symbol.asyncDispose]();
  });

  async function serving(options: Parameters<typeof makeTargetPlace>[1] = {}): Promise<TargetPlace> {
    const place = await makeTargetPlace(cluster, options);
    places.push(place);
    expect(verdictOf(await place.roll(place.release('one')).ended)).toBe('good');
    return place;
  }

  test('a good release replaces the stable one only once it is judged, and then nothing of that is left', async () => {
    const place = await serving();
    const stable = await uidsOf(place, place.release('one'));
    expect(stable).toHaveLength(2);
    const seen: (readonly string[])[] = [];

    const rolling = place.roll(place.release('two'));
    await until('it is judged', async () => {
      if (rolling.events.some(({ kind }) => kind === 'judged')) return true;
      seen.push(await readyUidsOf(place, place.release('one')));
      return false;
    });

    expect(verdictOf(await rolling.ended)).toBe('good');
    expect(seen.length).toBeGreaterThan(2);
    expect(new Set(seen.map((uids) => uids.join()))).toEqual(new Set([stable.join()]));
    expect(await releasesOf(place)).toEqual([place.release('two'), place.release('two')].map(labelOf));
    expect(await gateOf(place)).toEqual({ minReadySeconds: 0, progressDeadlineSeconds: 120, replicas: 2 });
    const budget = await place.api.get(kinds.disruptionBudget, 'shop', signal);
    expect(budget?.spec?.selector?.matchLabels).toMatchObject({
      [labels.release]: releaseLabel(place.release('two').id),
    });
    const records = await place.store.history.list();
    expect(records.map(({ verdict }) => verdict.kind)).toEqual(['good', 'good']);
  });

  test('a bad release is taken back, and not one stable replica was started or ended', async () => {
    const place = await serving();
    const stable = await uidsOf(place, place.release('one'));
    const digest = `sha256:${'12ab'.repeat(16)}`;

    const ended = await place.roll(place.release('two', { digest })).ended;

    expect(verdictOf(ended)).toBe('image');
    expect(messageOf(ended)).toContain('12ab12ab12ab… is not in the registry (404 not found)');
    expect(await podsOf(place, place.release('two', { digest }))).toEqual([]);
    expect(await uidsOf(place, place.release('one'))).toEqual(stable);
    expect(place.told.filter((line) => line.startsWith('warning'))).toEqual([]);
  });

  test('a release that listens elsewhere is taken back at its deadline', async () => {
    const place = await serving();

    const ended = await place.roll(place.release('two', { port: 9999 }), { startMs: 6_000 }).ended;

    expect(verdictOf(ended)).toBe('not-listening');
    expect(messageOf(ended)).toContain('nothing listens on port 9999');
  });

  test('a release that the cluster refuses is taken back in its words', async () => {
    const place = await serving();
    await place.kubectl('create', 'quota', 'small', '--hard=pods=2');

    const ended = await place.roll(place.release('two')).ended;

    expect(verdictOf(ended)).toBe('refused');
    expect(messageOf(ended)).toStartWith("the namespace's quota refused it: exceeded quota: small");
  });

  test('a first release that is bad leaves nothing', async () => {
    const place = await makeTargetPlace(cluster);
    places.push(place);

    const ended = await place.roll(place.release('one', { port: 9999 }), { startMs: 6_000 }).ended;

    expect(verdictOf(ended)).toBe('not-listening');
    expect(await place.api.get(kinds.deployment, 'shop', signal)).toBeUndefined();
    expect(await releasesOf(place)).toEqual([]);
    expect((await place.store.readState(signal))?.desired.stable).toBeUndefined();
  });

  test('a rollback starts all replicas at once and is not watched', async () => {
    const place = await serving({ bake: '4s' });
    const target = place.roll(place.release('two'), { kind: 'rollback' });

    expect(verdictOf(await target.ended)).toBe('good');

    expect(target.events.filter(({ kind }) => kind === 'watching')).toEqual([]);
    expect(await readyUidsOf(place, place.release('two'))).toHaveLength(2);
  });

  test('a rollout whose command was killed is gone on with by the next one', async () => {
    const place = await serving();
    await killWhen(place, place.release('two'), ({ kind }) => kind === 'watching');

    const again = place.roll(place.release('two'));

    expect(verdictOf(await again.ended)).toBe('good');
    expect(again.events[0]).toMatchObject({ kind: 'begun', isResumed: true });
    expect(await place.store.history.list()).toHaveLength(2);
  });

  test('a Deployment that somebody deleted meanwhile is made anew over the same pods', async () => {
    const place = await serving();
    const stable = await uidsOf(place, place.release('one'));
    const { context } = await killWhen(place, place.release('two'), ({ kind }) => kind === 'watching');
    await place.kubectl('delete', 'deployment/shop', '--cascade=orphan');
    const target = place.open();

    const ended = await takeOut(
      { ...context, target, signal },
      { by: 'tester', reason: 'not wanted' },
    ).finally(() => target.close());

    expect(verdictOf(ended)).toBe('interrupted');
    expect(await uidsOf(place, place.release('one'))).toEqual(stable);
    expect(await gateOf(place)).toMatchObject({ replicas: 2, minReadySeconds: 0 });
  });

  test('another release over a half-done one waits until that is gone: never three at once', async () => {
    const place = await serving();
    const stable = await uidsOf(place, place.release('one'));
    await killWhen(place, place.release('two'), ({ kind }) => kind === 'watching');
    const atOnce: number[] = [];

    const third = place.roll(place.release('three'));
    await until('it is judged', async () => {
      const { items } = await place.api.list(kinds.pod, { labels: selectorOf(place.place) }, signal);
      const left = items.filter(isLeft).map(({ metadata }) => metadata?.labels?.[labels.release]);
      atOnce.push(new Set(left).size);
      return third.events.some((event) => event.kind === 'judged' && event.judgement.kind === 'good');
    });

    expect(verdictOf(await third.ended)).toBe('good');
    expect(Math.max(...atOnce)).toBe(2);
    expect(stable).toHaveLength(2);
    const records = await place.store.history.list();
    expect(records.map(({ verdict }) => (verdict.kind === 'failed' ? verdict.cause : verdict.kind))).toEqual([
      'good',
      'interrupted',
      'good',
    ]);
  });

  test('a half-done rollout is taken out, and the stable replicas are the same ones', async () => {
    const place = await serving();
    const stable = await uidsOf(place, place.release('one'));
    const { context } = await killWhen(place, place.release('two'), ({ kind }) => kind === 'watching');
    const target = place.open();

    const ended = await takeOut(
      { ...context, target, signal },
      { by: 'tester', reason: 'not wanted' },
    ).finally(() => target.close());

    expect(verdictOf(ended)).toBe('interrupted');
    expect(await uidsOf(place, place.release('one'))).toEqual(stable);
    expect(await podsOf(place, place.release('two'))).toEqual([]);
  });

  // What else is done to a rollout by kubectl is done under load in disturbed.test.ts.
  describe('in mid-rollout', () => {
    const meddlings = {
      'kubectl set image': ['set', 'image', 'deployment/shop', 'service=127.0.0.1:5250/nothing:1'],
      'kubectl rollout pause': ['rollout', 'pause', 'deployment/shop'],
      'kubectl delete pod': ['delete', 'pod', '--selector=app.kubernetes.io/name=shop', '--wait=false'],
    } as const;
    for (const [name, command] of Object.entries(meddlings)) {
      test(`${name} is survived`, async () => {
        const place = await serving({ bake: '2s' });
        const rolling = place.roll(place.release('two'));
        await until('it is watched', async () => rolling.events.some(({ kind }) => kind === 'watching'));

        await place.kubectl(...command);

        expect(verdictOf(await rolling.ended)).toBe('good');
        expect(await readyUidsOf(place, place.release('two'))).toHaveLength(2);
        expect(await releasesOf(place)).toEqual([place.release('two'), place.release('two')].map(labelOf));
        expect(await gateOf(place)).toEqual({
          minReadySeconds: 0,
          progressDeadlineSeconds: 120,
          replicas: 2,
        });
        const { spec } = (await place.api.get(kinds.deployment, 'shop', signal)) ?? {};
        expect(Object.keys(spec?.template.metadata?.annotations ?? {})).toEqual([]);
      });
    }

    test('a command whose lock was taken by another changes nothing any more', async () => {
      const place = await serving({ bake: '8s' });
      const rolling = place.roll(place.release('two'));
      await until('it is watched', async () => rolling.events.some(({ kind }) => kind === 'watching'));

      await place.kubectl(
        'patch',
        'lease/shop-state',
        '--type=merge',
        '--patch',
        '{"spec":{"holderIdentity":null}}',
      );
      const holder = { by: 'another', purpose: 'rollback' };
      const lease = await takeLease({ api: place.api, place: place.place, holder, signal });

      expect(await rolling.ended.catch((error: unknown) => error)).toMatchObject({ code: 'lock_lost' });
      expect((await place.store.readState(signal))?.desired.rollout).toBeDefined();
      await lease.release();
    });
  });
}

/** Kills the command at the first event that fits. */
async function killWhen(
  place: TargetPlace,
  release: Release,
  isIt: (event: RolloutEvent) => boolean,
): Promise<Rolling> {
  const rolling = place.roll(release);
  await until('the moment has come', async () => rolling.events.some(isIt));
  rolling.kill();
  await rolling.ended.catch(() => undefined);
  return rolling;
}

async function podsOf({ api, place }: TargetPlace, release: Release): Promise<readonly IPod[]> {
  const own = { ...selectorOf(place), [labels.release]: releaseLabel(release.id) };
  return (await api.list(kinds.pod, { labels: own }, signal)).items.filter(isLeft);
}

/** One that leaves and runs nothing any more is for its kubelet to clear away. */
function isLeft({ metadata, status }: IPod): boolean {
  const { containerStatuses = [] } = status ?? {};
  return metadata?.deletionTimestamp === undefined || containerStatuses.some(({ state }) => state?.running);
}

function labelOf({ id }: Release): string {
  return releaseLabel(id);
}

/** Of all pods that there are, also of those that leave. */
async function releasesOf({ api, place }: TargetPlace): Promise<readonly string[]> {
  const { items } = await api.list(kinds.pod, { labels: selectorOf(place) }, signal);
  return items.filter(isLeft).map(({ metadata }) => metadata?.labels?.[labels.release] ?? '');
}

async function gateOf({ api }: TargetPlace) {
  const { spec } = (await api.get(kinds.deployment, 'shop', signal)) ?? {};
  const { minReadySeconds = 0, progressDeadlineSeconds, replicas, paused } = spec ?? {};
  return { minReadySeconds, progressDeadlineSeconds, replicas, ...(paused ? { paused } : {}) };
}

async function uidsOf(place: TargetPlace, release: Release): Promise<readonly string[]> {
  return (await podsOf(place, release)).map(({ metadata }) => metadata?.uid ?? '').sort();
}

async function readyUidsOf(place: TargetPlace, release: Release): Promise<readonly string[]> {
  const isReady = ({ status, metadata }: IPod) =>
    metadata?.deletionTimestamp === undefined &&
    status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
  return (await podsOf(place, release))
    .filter(isReady)
    .map(({ metadata }) => metadata?.uid ?? '')
    .sort();
}

function verdictOf(outcome: Outcome): string {
  if (outcome.kind !== 'ended') return outcome.kind;
  const { verdict } = outcome.record;
  return verdict.kind === 'failed' ? verdict.cause : verdict.kind;
}

function messageOf(outcome: Outcome): string {
  const verdict = outcome.kind === 'ended' ? outcome.record.verdict : undefined;
  return verdict?.kind === 'failed' ? verdict.message : '';
}
