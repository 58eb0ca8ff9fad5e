import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { IJob } from 'kubernetes-models/batch/v1';
import { UnreachableError } from '../../src/core/errors.ts';
import type { OneOff } from '../../src/core/target.ts';
import type { Api } from '../../src/kubernetes/api/api.ts';
import { kinds } from '../../src/kubernetes/api/kinds.ts';
import { runCommandJob } from '../../src/kubernetes/release-command.ts';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { until } from '../local/project.ts';
import { makeCommandPlace, pushShellImage, type ShellImage } from './command-place.ts';

const minuteMs = 60_000;
setDefaultTimeout(3 * minuteMs);

if (await have('a cluster', findCluster)) describe('the release command in a cluster', testCommand);

type CommandPlace = Awaited<ReturnType<typeof makeCommandPlace>>;

function testCommand(): void {
  const { signal } = new AbortController();
  let cluster: Cluster;
  let image: ShellImage;

  beforeAll(async () => {
    cluster = await openCluster();
    image = await pushShellImage(cluster);
  }, 20 * minuteMs);

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  test('runs with the release’s image, settings and secrets, restricted, and its end is found again', async () => {
    await using place = await makeCommandPlace(cluster, { image, secrets: { TOKEN: 'birch' } });
    const script = `if (process.env.COLOUR + process.env.TOKEN + '$(COLOUR)' !== 'amberbirch$' + '(COLOUR)') process.exit(9)`;
    const what = asked(place, script);

    expect(await run(place, what)).toEqual({ kind: 'succeeded' });

    expect(await run(place, { ...what, isBegun: true })).toEqual({ kind: 'succeeded' });
    expect(await run(place, { ...what, id: 'other', isBegun: true })).toEqual({ kind: 'unknown' });
    const { items } = await place.api.list(kinds.pod, {}, signal);
    expect(items).toHaveLength(1);
    expect(items[0]?.metadata?.labels).toMatchObject({ 'app.kubernetes.io/component': 'command' });
  });

  test('that fails is told with its exit code and its last lines', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    const what = asked(place, `console.error('no such table: users'); process.exit(7)`);

    const exit = await run(place, what);

    expect(exit).toEqual({
      kind: 'failed',
      evidence: { exit: 'exit code 7', lines: ['no such table: users'] },
    });
    expect(await run(place, { ...what, isBegun: true })).toEqual(exit);
  });

  test('that takes too long is ended at its deadline, and its last lines are kept', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    const script = `console.log('locking'); setInterval(() => {}, 1000)`;

    const exit = await run(place, { ...asked(place, script), timeoutMs: 4_000 });

    expect(exit).toEqual({
      kind: 'failed',
      evidence: { exit: 'no end in 4.0 s', lines: ['locking'] },
    });
  });

  test('whose program is not in the image has failed at once', async () => {
    await using place = await makeCommandPlace(cluster, { image });

    const exit = await run(place, { ...asked(place, ''), command: ['no-such-program'] });

    expect(JSON.stringify(exit)).toContain('no-such-program');
    expect(exit.kind).toBe('failed');
  });

  test('whose image is missing has failed before its deadline, and cannot start later', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    await using place = await makeCommandPlace(cluster, { image, digest });
    const what = asked(place, '');

    const exit = await run(place, what);

    expect(exit).toMatchObject({ kind: 'failed', evidence: { exit: 'no start' } });
    expect(JSON.stringify(exit)).toContain('is not in the registry');
    const job = await place.api.get<IJob>(kinds.job, 'shop-command-r1', signal);
    expect(job?.spec?.suspend).toBe(true);
    expect(await run(place, { ...what, isBegun: true })).toEqual(exit);
  });

  test('that a quota refuses has failed before its deadline, in the cluster’s words', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'no-pods', namespace: place.place.namespace },
      spec: { hard: { pods: '0' } },
    });
    const isKnown = async () =>
      (await place.kubectl('get', 'resourcequota/no-pods', '--output=jsonpath={.status.hard}')) !== '';
    await until('the quota is known', isKnown, { withinMs: minuteMs });

    const exit = await run(place, asked(place, ''));

    expect(exit).toMatchObject({ kind: 'failed', evidence: { exit: 'a refusal' } });
    expect(JSON.stringify(exit)).toContain('exceeded quota');
  });

  test('is waited for while the API does not answer, and is begun once though the answer to that was lost', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    let calls = 0;
    const away = new UnreachableError({ code: 'environment_unreachable', message: 'away', hint: 'wait' });
    const flaky = over(place.api, {
      async create(object, options) {
        await place.api.create(object, options);
        calls += 1;
        if (calls === 1) throw away;
        return object;
      },
      async get(kind, name, within, namespace) {
        calls += 1;
        if (calls % 2 === 0) throw away;
        return place.api.get(kind, name, within, namespace);
      },
    });

    const exit = await runCommandJob({ ...place, api: flaky, what: asked(place, ''), signal });

    expect(exit).toEqual({ kind: 'succeeded' });
    expect((await place.api.list(kinds.pod, {}, signal)).items).toHaveLength(1);
  });

  test('whose pod somebody deletes has failed', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    const ended = run(place, asked(place, 'setInterval(() => {}, 1000)'));
    const runs = async () =>
      (await place.api.list(kinds.pod, {}, signal)).items[0]?.status?.phase === 'Running';
    await until('it runs', runs, { withinMs: minuteMs });

    await place.kubectl('delete', 'pods', '--all', '--wait=false', '--grace-period=1');

    expect(await ended).toMatchObject({ kind: 'failed' });
  });

  function run({ api, place, store }: CommandPlace, what: OneOff) {
    return runCommandJob({ api, place, store, what, signal });
  }

  function asked({ running }: CommandPlace, script: string): OneOff {
    const command = ['bun', '-e', script];
    return { id: 'r1', running, command, isBegun: false, timeoutMs: minuteMs };
  }
}

/** The API with some of its methods replaced. */
function over(api: Api, methods: Partial<Api>): Api {
  return new Proxy(api, {
    get(_, name: keyof Api) {
      const own = methods[name] ?? api[name];
      return typeof own === 'function' && !(name in methods) ? own.bind(api) : own;
    },
  });
}
