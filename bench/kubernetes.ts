// The Kubernetes target's numbers, on the test cluster, side by side with kubectl and helm; bench/run starts it.
// --quick takes fewer rounds, and leaves out helm with its default time-out, which is five minutes.
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { openCluster } from '../e2e/cluster/cluster.ts';
import { makeProject } from '../e2e/kubernetes/project.ts';
import { settled } from '../e2e/kubernetes/serving-project.ts';
import { mustEnd, until } from '../e2e/local/project.ts';
import { groupThousands } from '../src/cli/terminal/count.ts';
import type { RolloutRecord } from '../src/core/record.ts';
import { type Kind, kinds } from './bad-kinds.ts';
import { compareWithHelm } from './helm.ts';
import { applyWithKubectl } from './kubectl.ts';
import { type Row, showPage } from './page.ts';
import { isQuick } from './quick.ts';
import { sample, showSample, timed } from './sample.ts';

const repository = realpathSync(join(import.meta.dir, '..'));
const bakeMs = 1000;
const preStopMs = 2000;
/** So long the service goes on accepting after SIGTERM, as its contract says. */
const acceptMs = 2000;
const replicas = 3;
const startMs = 6000;
const rounds = isQuick ? 6 : 30;

/** Seen by asking the API for the pods every 20 ms. */
const goodRolloutExplained = `## Where a good rollout spends its time

Replicas start twice: the candidate, then the others. \`kubectl\` starts all of them once, so a start is what a rollout costs more.

Most of a start is the kubelet’s. Its container runs 0.75 s after its pod is made, 0.3 s of them a wait for the volume of \`/tmp\`. A second after that wait, at 1.35 s, the kubelet asks for the first time whether the container has started; a container that is later than that takes a second more. Whether it is ready is asked when the kubelet next looks at all its containers, once a second: so a replica is ready after 1.4 to 2.3 s, by where that second falls. A pod with a readiness probe alone was ready after 0.8 to 1.8 s, as it needs no first question; but one probe asks one path, and both the first declared path and \`probes.ready\` have to answer before a replica gets requests. No probe is asked more often than once a second.

Before the candidate, the command takes 0.45 s: its own start, the image’s description, the agent’s image, the lock, the preflight.`;

const rows: Row[] = [];
await using cluster = await openCluster();
await using project = await makeProject(cluster, {
  environment: { replicas, deadlines: { start: `${startMs}ms` } },
});
await mustEnd(project.causeway('up'));

await goodRollout();
await changeToAnswer();
await rollbackToAnswer();
for (const kind of kinds.filter(({ shows }) => shows)) await badToTakenBack(kind);
await lost();
await statusAndMemory();
const helm = await compareWithHelm(project, { hasDefault: !isQuick });
rows.push(...helm.rows);
await manyRecords();

showPage({
  name: 'kubernetes',
  title: 'The Kubernetes target, measured',
  about: `Kubernetes on one node of this machine, ${replicas} replicas, bake ${bakeMs / 1000} s, preStop ${preStopMs / 1000} s. Times are of whole commands, from the shell's call to their end: median (least–most, rounds).`,
  repository,
  rows,
  more: [goodRolloutExplained, ...(helm.table ? [helm.table] : [])].join('\n\n'),
});

/** The same image with another variable: nothing is built, and nothing is pulled. */
async function goodRollout(): Promise<void> {
  const { stdout } = await mustEnd(project.imagePush(`${project.repository}-bench`));
  const image = (JSON.parse(stdout) as { reference: string }).reference;
  let variable = 0;
  const roll = async () => {
    variable += 1;
    project.configure({ service: { env: { ROUND: String(variable) } } });
    const deploy = project.start('deploy', '--image', image);
    // As kubectl does, which does not wait for those that leave.
    await deploy.says('verdict  good');
    const judgedAt = performance.now();
    await mustEnd(deploy.ended);
    return judgedAt;
  };
  await roll();
  const whole: number[] = [];
  const ours = await sample(5, async () => {
    await settled(project, { replicas });
    const startedAt = performance.now();
    const judgedAt = await roll();
    whole.push(performance.now() - startedAt - 2 * bakeMs - preStopMs - acceptMs);
    return judgedAt - startedAt - 2 * bakeMs;
  });
  const theirs = await applyWithKubectl(project, 5);
  project.configure({ service: { env: {} } });
  add(
    'good rollout of 3 replicas, image there, bakes excluded → all are ready and judged',
    '≤ kubectl + 2 s',
    showSample(ours),
  );
  add(
    'the same, preStop and what the service itself accepts after SIGTERM excluded → what served before has gone',
    '–',
    showSample({ ms: whole }),
  );
  add('the same objects by `kubectl apply` and `rollout status`', '–', showSample(theirs));
}

async function changeToAnswer(): Promise<void> {
  const measured = await sample(5, async (round) => {
    await settled(project, { replicas });
    const before = (await project.ask()).release;
    project.use('good.ts', { mark: `change ${round}` });
    const startedAt = performance.now();
    const deploy = mustEnd(project.causeway('deploy'));
    await until('the change answers', async () => (await project.ask()).release !== before);
    const answeredAt = performance.now();
    await deploy;
    return answeredAt - startedAt;
  });
  add('change → new release answers (build, push, pull, ready)', '< 15 s', showSample(measured));
}

async function rollbackToAnswer(): Promise<void> {
  const alone: number[] = [];
  const first = await sample(5, async (round) => {
    const to = (await project.ask()).release ?? '';
    project.use('good.ts', { mark: `to leave ${round}` });
    await mustEnd(project.causeway('deploy'));
    await settled(project, { replicas });
    const startedAt = performance.now();
    const rollback = mustEnd(project.causeway('rollback', '--to', to));
    await until('it answers', async () => (await project.ask()).release === to);
    const answeredAt = performance.now();
    await until('it alone serves', async () =>
      (await project.replicas()).every(({ isLeaving, release }) => isLeaving || release.startsWith(to)),
    );
    alone.push(performance.now() - startedAt);
    await rollback;
    return answeredAt - startedAt;
  });
  add('`rollback` → first answer of that release', '< 3 s', showSample(first));
  add('`rollback` → it alone serves, preStop excluded', '< 5 s', showSample({ ms: alone }));
}

async function badToTakenBack(kind: Kind): Promise<void> {
  const whole: number[] = [];
  const ends: string[] = [];
  const measured = await sample(3, async () => {
    await settled(project, { replicas });
    const stable = (await project.ask()).release ?? '';
    const deploy = await kind.deploy(project);
    const startedAt = performance.now();
    let shownAt = 0;
    await until(
      `${kind.what}: it is taken back`,
      async () => {
        const seen = await kind.shows?.(project, stable);
        if (seen && shownAt === 0) shownAt = performance.now();
        return shownAt > 0 && (await isBack(stable));
      },
      { withinMs: 60_000 },
    );
    const backAt = performance.now();
    const { exitCode, json } = await deploy.ended;
    const verdict = json().record?.verdict;
    ends.push(`exit ${exitCode}, ${verdict?.kind === 'failed' ? verdict.cause : verdict?.kind}`);
    await kind.after?.(project);
    whole.push(backAt - startedAt);
    return backAt - shownAt;
  });
  add(
    `${kind.what}: shown by the cluster → taken back`,
    kind.reach ?? '< 5 s',
    `${showSample(measured)}; whole ${showSample({ ms: whole })}; ${[...new Set(ends)].join(' · ')}`,
  );
}

/** The stable template is back, and no pod of another is left but those that leave. */
async function isBack(stable: string): Promise<boolean> {
  const { spec } = await project.read<{
    spec: { template: { metadata: { labels: Readonly<Record<string, string>> } } };
  }>(`/apis/apps/v1/namespaces/${project.namespace}/deployments/shop`);
  if (!spec.template.metadata.labels['causeway.dev/release']?.startsWith(stable)) return false;
  return (await project.replicas()).every(
    ({ isLeaving, release }) => isLeaving || release.startsWith(stable),
  );
}

async function lost(): Promise<void> {
  const load = await project.load({ scale: 0.5 });
  const ends: Record<string, number> = {};
  const recorded: RolloutRecord[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const what = [
      'good',
      'crash-at-start.ts',
      'rollback',
      'good',
      'errors-under-traffic.ts',
      'never-ready.ts',
    ][round % 6];
    if (what === 'good') project.use('good.ts', { mark: `lost ${round}` });
    else if (what !== 'rollback') project.use(what ?? '');
    const ended = await project.causeway(what === 'rollback' ? 'rollback' : 'deploy', '--json');
    ends[String(ended.exitCode)] = (ends[String(ended.exitCode)] ?? 0) + 1;
    const { record } = ended.json();
    if (record) recorded.push(record);
  }
  const { requests, causes, retried } = await load.stop();
  const { 'other-5xx': errors, ...ours } = causes;
  const sum = Object.values(ours).reduce((total, count) => total + count, 0);
  const exits = Object.entries(ends)
    .map(([exit, count]) => `${count} × exit ${exit}`)
    .join(', ');
  const told = recorded.reduce((total, { traffic }) => total + traffic.lost, 0);
  add(
    `lost over ${rounds} rollouts and rollbacks under load, good and bad, kept and new connections`,
    '0',
    `${sum} of ${groupThousands(requests)} (${exits}); ${errors} errors of bad releases, ${retried} retried; the agent’s own count ${told}`,
  );
}

async function statusAndMemory(): Promise<void> {
  await settled(project, { replicas });
  add('`status`', '< 300 ms', showSample(await sample(10, () => timed(() => project.causeway('status')))));
  project.use('good.ts', { mark: 'memory' });
  const deploy = project.start('deploy');
  let isWatching = false;
  void deploy.says('start ').then(() => {
    isWatching = true;
  });
  let watched = 0;
  let peak = 0;
  const timer = setInterval(() => {
    const { now, most } = memoryOf(deploy.process.pid);
    if (isWatching) watched = Math.max(watched, now);
    peak = Math.max(peak, most);
  }, 20);
  await mustEnd(deploy.ended);
  clearInterval(timer);
  const { process: viewer } = project.start('status', '--watch');
  await Bun.sleep(3000);
  const viewed = memoryOf(viewer.pid).most;
  viewer.kill('SIGINT');
  const show = (kilobytes: number) => `${Math.round((kilobytes * 1024) / 1e6)} MB`;
  add(
    'memory of the command while it watches, most: `status --watch` · `deploy` · `deploy` while it builds and pushes',
    '< 120 MB · < 120 MB · –',
    `${show(viewed)} · ${show(watched)} · ${show(peak)}`,
  );
}

/** Resident, in kilobytes: as it is, and as it was at most. */
function memoryOf(pid: number): { readonly now: number; readonly most: number } {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    return { now: field('VmRSS'), most: field('VmHWM') };
  } catch {
    return { now: 0, most: 0 };
  }
}

/** As 10,000 rollouts would have left them. */
async function manyRecords(): Promise<void> {
  const count = 10_000;
  const perSegment = 350;
  const last = (await project.records()).findLast(({ verdict }) => verdict.kind === 'failed');
  if (!last) throw new Error('nothing was recorded');
  const path = `/api/v1/namespaces/${project.namespace}/configmaps/shop-history-1`;
  const { metadata } = await project.read<{ metadata: { labels: Readonly<Record<string, string>> } }>(path);
  let bytes = 0;
  const segments = Array.from({ length: Math.ceil(count / perSegment) }, (_, index) => {
    const data = Object.fromEntries(
      Array.from({ length: perSegment }, (_, at) => {
        const number = index * perSegment + at;
        const id = `${(Date.now() + number).toString(36)}-${number.toString(36).padStart(5, '0')}`;
        const text = JSON.stringify({ ...last, id, startedAt: last.startedAt + number });
        bytes += text.length;
        return [`${String(at).padStart(5, '0')}.${id}`, text];
      }),
    );
    const { namespace } = project;
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `shop-history-${index + 2}`, namespace, labels: metadata.labels },
      data,
    };
  });
  for (const segment of segments) await cluster.apply(segment);
  const patch = JSON.stringify({ data: { history: String(segments.length + 1) } });
  await project.kubectl('patch', 'configmap/shop-state', '--type=merge', `--patch=${patch}`);
  const status = await sample(5, () => timed(() => project.causeway('status')));
  const releases = await sample(5, () => timed(() => project.causeway('releases')));
  const all = await sample(3, () =>
    timed(() => project.causeway('releases', '--json', '--limit', String(count))),
  );
  add(
    '10,000 records: `status` · `releases` · `releases --json` of all of them',
    '< 500 ms, < 20 MB',
    `${showSample(status)} · ${showSample(releases)} · ${showSample(all)}; ${(bytes / 1e6).toFixed(1)} MB in the cluster`,
  );
}

function add(what: string, reach: string, measured: string): void {
  rows.push({ what, reach, measured });
  console.error(`${what}: ${measured}`);
}
