import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { makeRelease, type Release } from '../../src/core/release.ts';
import type { Outcome } from '../../src/core/roll-out.ts';
import type { Failure } from '../../src/core/verdict.ts';
import { kinds } from '../../src/kubernetes/api/kinds.ts';
import { namesOf } from '../../src/kubernetes/manifests/names.ts';
import { renderRelease } from '../../src/kubernetes/manifests/render-release.ts';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { makeTargetPlace, type TargetPlace } from './target-place.ts';

setDefaultTimeout(120_000);

const { signal } = new AbortController();

if (await have('a cluster', findCluster))
  describe('what a release is filled in with goes before its first replica is made', testGone);

function testGone(): void {
  let cluster: Cluster;
  let place: TargetPlace;

  beforeAll(async () => {
    cluster = await openCluster();
    place = await makeTargetPlace(cluster);
    expect(verdictOf(await place.roll(place.release('one')).ended)).toEqual({ kind: 'good' });
  }, 20 * 60_000);

  afterAll(async () => {
    await place?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('the ConfigMap of its variables: the config is at fault, and what is missing is named', async () => {
    const release = withCommand(place.release('two'));
    const name = settingsOf(release);

    const ended = await rollAfter(release, () => place.kubectl('delete', 'configmap', name));

    expectAtFault(verdictOf(ended), `ConfigMap ${name} is missing`, `configmap "${name}" not found`);
    await servesOn('one');
  });

  test('that release once more: they are put back, and it is found good', async () => {
    const release = withCommand(place.release('two'));

    const ended = await rollAfter(release, async () => undefined);

    expect(verdictOf(ended)).toEqual({ kind: 'good' });
    await servesOn('two');
  });

  test('one of its secrets: the config is at fault, and the missing key is named', async () => {
    const release = withCommand(place.release('three'), ['TOKEN']);
    const secrets = { inUse: [], isFresh: false };
    const secretSet = (await place.store.storeSecrets({ TOKEN: 'birch' }, secrets, signal)) ?? '';
    const name = namesOf(place.place).secrets(secretSet);

    const ended = await rollAfter(
      release,
      async () => {
        await place.kubectl('delete', 'secret', name);
        await place.kubectl('create', 'secret', 'generic', name, '--from-literal=OTHER=birch');
      },
      secretSet,
    );

    expectAtFault(verdictOf(ended), `Secret ${name} has no key TOKEN`, "couldn't find key TOKEN");
    await servesOn('two');
  });

  /** A rollout during which this is done after all of it is stored, and before a node has seen any of it. */
  function rollAfter(release: Release, done: () => Promise<unknown>, secretSet?: string): Promise<Outcome> {
    const runCommandJob = async () => {
      await done();
      return { kind: 'succeeded' } as const;
    };
    const target = { parts: { findProblems: async () => [], runCommandJob } };
    return place.roll(release, { target, ...(secretSet === undefined ? {} : { secretSet }) }).ended;
  }

  /** The name of its variables’ ConfigMap. */
  function settingsOf(release: Release): string {
    return renderRelease({ release, pullFrom: 'anywhere', place: place.place }).settings.name;
  }

  async function servesOn(version: string): Promise<void> {
    const { items } = await place.api.list(
      kinds.pod,
      { labels: { 'app.kubernetes.io/name': 'shop' } },
      signal,
    );
    // Of those that have left, the objects may still be there.
    const running = items.filter(({ status }) => status?.phase === 'Running');
    const versions = running.map(({ metadata }) => metadata?.labels?.['causeway.dev/release']);
    expect(new Set(versions).size).toBe(1);
    const path = `/api/v1/namespaces/${place.name}/services/shop:80/proxy/`;
    expect(await cluster.kubectl('get', '--raw', path)).toStartWith(`version=${version} `);
  }
}

function withCommand({ artifact, image = '', command, settings }: Release, secrets: string[] = []): Release {
  return makeRelease({
    artifact,
    image,
    command,
    settings: { ...settings, secrets, releaseCommand: ['migrate'] },
  });
}

function verdictOf(outcome: Outcome): unknown {
  return outcome.kind === 'ended' ? outcome.record.verdict : outcome;
}

function expectAtFault(verdict: unknown, message: string, said: string): void {
  const lines = [expect.stringContaining(said)];
  const fault: Failure = { kind: 'failed', cause: 'config', message, evidence: { lines } };
  expect(verdict).toEqual(fault);
}
