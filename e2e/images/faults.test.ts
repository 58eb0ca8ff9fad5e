import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../src/core/seeded-random.ts';
import type { Project } from '../local/project.ts';
import { replays, seed, sized } from '../proof.ts';
import { type Fault, type FaultProxy, missingBelow, startFaultProxy } from './fault-proxy.ts';
import { have } from './have.ts';
import { makeImageProject, makeTrusted, noisyService } from './image-project.ts';
import { findRegistry, type Registry, startRegistry } from './registry.ts';

const rounds = sized({ ci: 20, full: 200 });

setDefaultTimeout(20_000 + rounds * 20_000);

const registryPrograms = await have('docker-registry', findRegistry);
if (registryPrograms) {
  describe(`between a writer and a registry, faults of the seed ${seed}`, () => {
    let registry: Registry;
    let proxy: FaultProxy;
    let project: Project;
    let random = seededRandom(seed);
    /** The share of requests to which something happens. */
    let share = 0;

    beforeAll(async () => {
      registry = await startRegistry(registryPrograms);
      proxy = await startFaultProxy({
        registry: registry.host,
        choose: () => (random() < share ? chooseFault(random) : undefined),
      });
      project = await makeImageProject({
        service: noisyService,
        image: { runtime: 'none', platforms: ['linux/amd64', 'linux/arm64'] },
      });
      await makeTrusted(project);
    });

    afterAll(async () => {
      await project?.[Symbol.asyncDispose]();
      await proxy?.[Symbol.asyncDispose]();
      await registry?.[Symbol.asyncDispose]();
    });

    test(`${rounds} pushes each end right or with a clear error, and nothing published lacks a part`, async () => {
      const ends = { right: 0, failed: 0 };
      for (let round = 0; round < rounds; round += 1) {
        const roundSeed = seed + round;
        random = seededRandom(roundSeed);
        // From a line that stumbles to one that is nearly dead.
        share = [0.05, 0.15, 0.3, 0.15, 0.6][round % 5] ?? 0;
        const repository = `team/shop-${round % 3}`;
        const tag = `round-${round}`;
        writeNoise(project, roundSeed);
        const from = proxy.happened.length;

        const ended = await project.causeway(
          'image',
          'push',
          `${proxy.host}/${repository}`,
          '--tag',
          tag,
          '--json',
        );

        const told = [`${replays}; round ${round}`, ...proxy.happened.slice(from), ended.stderr].join('\n');
        const { error, image } = ended.json();
        expect(proxy.early, told).toEqual([]);
        if (ended.exitCode === 0) {
          ends.right += 1;
          expect(await digestOf(registry, repository, tag), told).toBe(image);
        } else {
          ends.failed += 1;
          // The image is there already where only what is attached to it could not be written.
          const isThere = error?.code === 'image_incomplete';
          expect({ exit: ended.exitCode, code: error?.code }, told).toEqual({
            exit: 1,
            code: isThere ? 'image_incomplete' : 'registry_unreachable',
          });
          expect(error?.message, told).toContain(proxy.host);
          if (isThere) expect(await digestOf(registry, repository, tag), told).toStartWith('sha256:');
        }
        for (const one of await tagsOf(registry, repository)) {
          expect(await missingBelow(registry.host, repository, one), `${one}\n${told}`).toEqual([]);
        }
      }
      console.log(`seed ${seed}: ${ends.right} pushes ended right, ${ends.failed} with an error`);
      expect(ends.right).toBeGreaterThan(0);
    });

    test('are over, and the push that failed is gone on with by pushing again', async () => {
      share = 1;
      writeNoise(project, seed - 1);
      const name = `${proxy.host}/team/again`;
      const failed = await project.causeway('image', 'push', name, '--tag', 'again', '--json');
      share = 0;

      const ended = await project.causeway('image', 'push', name, '--tag', 'again', '--json');
      const { reference = '' } = ended.json();
      const verified = await project.causeway('image', 'verify', reference, '--json');

      expect([failed.exitCode, ended.exitCode, verified.exitCode]).toEqual([1, 0, 0]);
      expect(await missingBelow(registry.host, 'team/again', 'again')).toEqual([]);
    });
  });
}

function chooseFault(random: () => number): Fault {
  const upTo = (most: number) => Math.floor(random() * most);
  const faults: readonly Fault[] = [
    { kind: 'cut-request', afterBytes: upTo(200_000) },
    { kind: 'cut-answer' },
    { kind: 'cut-response', afterBytes: upTo(200) },
    { kind: 'status', status: 500 },
    { kind: 'status', status: 503 },
    { kind: 'status', status: 429, headers: { 'retry-after': '0' } },
    { kind: 'slow', delayMs: upTo(50) },
  ];
  return faults[upTo(faults.length)] ?? { kind: 'cut-answer' };
}

function writeNoise(project: Project, noiseSeed: number): void {
  const random = seededRandom(noiseSeed);
  writeFileSync(
    join(project.folder, 'noise'),
    Uint8Array.from({ length: 300_000 }, () => random() * 256),
  );
}

async function tagsOf(registry: Registry, repository: string): Promise<readonly string[]> {
  const response = await registry.ask(`/v2/${repository}/tags/list`);
  if (response.status === 404) return [];
  const { tags } = (await response.json()) as { tags: readonly string[] | null };
  return tags ?? [];
}

async function digestOf(registry: Registry, repository: string, tag: string): Promise<string | undefined> {
  const response = await registry.ask(`/v2/${repository}/manifests/${tag}`, {
    headers: { accept: 'application/vnd.oci.image.index.v1+json' },
  });
  return response.headers.get('docker-content-digest') ?? undefined;
}
