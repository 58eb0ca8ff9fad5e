import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { LogLine, LogQuery } from '../../src/core/environment.ts';
import { kinds } from '../../src/kubernetes/api/kinds.ts';
import { findEvidence } from '../../src/kubernetes/evidence.ts';
import { readPodLogs } from '../../src/kubernetes/logs.ts';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { until } from '../local/project.ts';
import { makeCommandPlace, pushShellImage, type ShellImage } from './command-place.ts';

const minuteMs = 60_000;
setDefaultTimeout(3 * minuteMs);

if (await have('a cluster', findCluster)) describe('logs of replicas in a cluster', testLogs);

type CommandPlace = Awaited<ReturnType<typeof makeCommandPlace>>;

function testLogs(): void {
  let cluster: Cluster;
  let image: ShellImage;

  beforeAll(async () => {
    cluster = await openCluster();
    image = await pushShellImage(cluster);
  }, 20 * minuteMs);

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  test('of all replicas come in the order of time, as many as are asked for', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    await Promise.all(['shop-1', 'shop-2'].map((name) => start(place, name, counting(20))));
    await until('both have printed', async () => (await read(place, {})).length === 40, {
      withinMs: minuteMs,
    });

    const all = await read(place, {});
    const last = await read(place, { lines: 5 });
    const since = await read(place, { since: all[30]?.at ?? 0 });

    expect(all.map(({ at }) => at)).toEqual(all.map(({ at }) => at).toSorted((a, b) => a - b));
    expect(new Set(all.map(({ replica }) => replica))).toEqual(new Set(['shop-1', 'shop-2']));
    expect(last).toEqual(all.slice(-5));
    expect(since).toEqual(all.filter(({ at }) => at >= (all[30]?.at ?? 0)));
    expect(await read(place, { release: place.running.release.id.slice(0, 7) })).toEqual(all);
    expect(await read(place, { release: 'fffffff' })).toEqual([]);
  });

  test('that are followed go on over a restart and take in new replicas, each line once', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    await start(place, 'shop-1', `${counting(5)}; setTimeout(() => process.exit(1), 1500)`, 'Always');
    const lines: LogLine[] = [];
    const stop = new AbortController();
    const { api, place: where } = place;
    const ended = (async () => {
      const query = { follow: true };
      for await (const line of readPodLogs({ api, place: where, query, signal: stop.signal }))
        lines.push(line);
    })();
    ended.catch(() => undefined);
    await until('it has printed', () => lines.length >= 5, { withinMs: minuteMs });

    await start(place, 'shop-2', counting(5));

    const of = (replica: string) => lines.filter((line) => line.replica === replica);
    await until('both go on', () => of('shop-1').length >= 10 && of('shop-2').length === 5, {
      withinMs: minuteMs,
    });
    stop.abort();
    const numbers = ['0', '1', '2', '3', '4'].map((n) => `line ${n}`);
    expect(
      of('shop-1')
        .slice(0, 10)
        .map(({ text }) => text),
    ).toEqual([...numbers, ...numbers]);
    expect(of('shop-2').map(({ text }) => text)).toEqual(numbers);
  });

  test('of a replica that crashed are the evidence, with its exit code', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    const script = `console.error('no config'); process.exit(7)`;
    await start(place, 'shop-1', script, 'Always');
    const { api, running, place: where } = place;
    const signal = AbortSignal.timeout(minuteMs);
    const find = () => findEvidence({ api, place: where, running, signal });
    await until('it has ended', async () => (await find()).exit !== undefined, { withinMs: minuteMs });

    expect(await find()).toEqual({ exit: 'exit code 7', lines: ['no config'] });
  });

  test('of a replica that never ran are none, and what the cluster says of it is the evidence', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    await using place = await makeCommandPlace(cluster, { image, digest });
    await start(place, 'shop-1', '');
    const { api, running, place: where } = place;
    const signal = AbortSignal.timeout(minuteMs);
    const find = () => findEvidence({ api, place: where, running, signal });
    await until('it is told', async () => (await find()).lines.length > 0, { withinMs: minuteMs });

    expect((await find()).lines.join('\n')).toContain('Failed to pull image');
    expect(await read(place, {})).toEqual([]);
  });

  async function read({ api, place }: CommandPlace, query: Partial<LogQuery>): Promise<readonly LogLine[]> {
    const signal = AbortSignal.timeout(minuteMs);
    const about = { api, place, query: { follow: false, ...query }, signal };
    return Array.fromAsync(readPodLogs(about));
  }
}

function counting(lines: number): string {
  return `for (let n = 0; n < ${lines}; n += 1) { console.log('line ' + n); await Bun.sleep(5) } setInterval(() => {}, 1000)`;
}

/** A pod as a replica of the release, but for its command. */
async function start(
  { api, stored }: CommandPlace,
  name: string,
  script: string,
  restartPolicy = 'Never',
): Promise<void> {
  const signal = AbortSignal.timeout(minuteMs);
  const { metadata, spec } = JSON.parse(stored.template);
  const { startupProbe: _, readinessProbe: __, ...container } = spec.containers[0];
  const containers = [{ ...container, command: ['bun', '-e', script] }];
  await api.create(
    {
      apiVersion: kinds.pod.apiVersion,
      kind: kinds.pod.kind,
      metadata: { ...metadata, name },
      spec: { ...spec, restartPolicy, containers },
    } as never,
    { signal },
  );
}
