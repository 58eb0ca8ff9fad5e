import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { replays, seed, sized } from '../proof.ts';
import { soak } from './soak/soak.ts';
import { soakSizes } from './soak/soak-size.ts';

const size = sized(soakSizes);

setDefaultTimeout(45 * 60_000);

const kind = await have('a cluster', findCluster);
if (kind === 'node') describe(`a soak by the seed ${seed}`, testSoak);
if (kind === 'context') console.log('skipped: what harms a cluster: a context was given');

function testSoak(): void {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await openCluster({ isOwn: true });
  }, 20 * 60_000);

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  test(`${size.rounds} rollouts under load, harmed all the while: nothing is lost but what a killed process had`, async () => {
    const { problems, rounds, faults } = await soak({ ...size, cluster, seed, say: console.log });

    expect(problems, replays).toEqual([]);
    expect(rounds.length).toBeGreaterThanOrEqual(size.rounds);
    expect(faults).toHaveLength(size.rounds * size.faultsPerRound);
  });
}
