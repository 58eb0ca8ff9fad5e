import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../e2e/images/run-program.ts';
import { pushWithoutLayer } from '../e2e/kubernetes/broken-image.ts';
import { startLoad } from '../e2e/kubernetes/load.ts';
import { findHelm } from '../e2e/kubernetes/programs.ts';
import type { Project } from '../e2e/kubernetes/project.ts';
import { settled } from '../e2e/kubernetes/serving-project.ts';
import { mustEnd } from '../e2e/local/project.ts';
import { type Deployment, plainObjects } from './kubectl.ts';
import type { Row } from './page.ts';

interface Told {
  readonly what: string;
  readonly by: string;
  readonly ended: string;
  readonly seconds: number;
  readonly says: string;
  readonly failed: string;
}

interface Compared {
  readonly what: string;
  /** A fixture; without one, the image is broken. */
  readonly fixture?: string;
}

const compared: readonly Compared[] = [
  { what: 'image missing' },
  { what: 'crash at start', fixture: 'crash-at-start.ts' },
  { what: 'out of memory', fixture: 'eats-memory.ts' },
  { what: 'never ready', fixture: 'never-ready.ts' },
  { what: 'crash after ready', fixture: 'crash-under-traffic.ts' },
  { what: 'a share of 500s', fixture: 'errors-under-traffic.ts' },
];

/** After an end that a tool calls good, its release serves so much longer: a minute for somebody to see it. */
const afterMs = 20_000;

/** The same bad releases by Causeway and by helm, beside a load; helm with a time-out of 60 s, and with its own. */
export async function compareWithHelm(
  project: Project,
  { hasDefault }: { readonly hasDefault: boolean },
): Promise<{ readonly rows: readonly Row[]; readonly table: string }> {
  const helm = await findHelm();
  const references = new Map<string, string>();
  project.use('good.ts', { mark: 'before the bad ones' });
  await mustEnd(project.causeway('deploy'));
  for (const { what, fixture } of compared) {
    if (fixture) project.use(fixture);
    else project.use('good.ts', { mark: 'a layer is missing' });
    references.set(what, fixture ? await push(project) : await pushWithoutLayer(project));
  }
  const byHelm = await Promise.all(compared.map((kind) => withHelm(kind, '60s')));
  const byDefault = hasDefault && compared[0] ? [await withHelm(compared[0], undefined)] : [];
  const ours: Told[] = [];
  for (const { what } of compared) ours.push(await withCauseway(what));

  const all = [...ours, ...byHelm, ...byDefault];
  const lines = compared.flatMap(({ what }) =>
    all
      .filter((told) => told.what === what)
      .map(
        ({ by, ended, seconds, says, failed }) =>
          `| ${what} | ${by} | ${ended} | ${seconds.toFixed(1)} s | ${says} | ${failed} |`,
      ),
  );
  const table = [
    '## Beside helm',
    '',
    'The same releases, 3 replicas, by `causeway deploy` and by `helm upgrade --install --rollback-on-failure --wait` (helm 4.3.1), each beside a load of its own on new and kept connections.',
    '',
    '| bad release | by | ends as | after | it says | requests that failed |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
  const rows = compared.slice(0, 3).map(({ what }) => {
    const mine = ours.find((told) => told.what === what)?.seconds ?? Number.NaN;
    const theirs = byHelm.find((told) => told.what === what)?.seconds ?? Number.NaN;
    return {
      what: `${what}: helm with a time-out of 60 s, beside Causeway`,
      reach: '≥ 10 × as long',
      measured: `${theirs.toFixed(1)} s beside ${mine.toFixed(1)} s: ${(theirs / mine).toFixed(1)} ×`,
    };
  });
  return { rows, table };

  async function withCauseway(what: string): Promise<Told> {
    await settled(project, { replicas: 3 });
    const load = await project.load({ scale: 0.2 });
    const startedAt = performance.now();
    const ended = await project.causeway('deploy', '--image', references.get(what) ?? '', '--json');
    const seconds = (performance.now() - startedAt) / 1000;
    await settled(project, { replicas: 3 });
    const { failed, requests } = await load.stop();
    const { verdict } = ended.json().record ?? {};
    return {
      what,
      by: 'causeway',
      ended: `exit ${ended.exitCode}, taken back`,
      seconds,
      says: verdict?.kind === 'failed' ? `${verdict.cause}: ${verdict.message}` : 'good',
      failed: share(failed, requests),
    };
  }

  async function withHelm({ what }: Compared, timeout: string | undefined): Promise<Told> {
    const { cluster } = project;
    await using namespace = await cluster.makeNamespace();
    const chart = join(project.base, `chart-${namespace.name}`);
    writeChart(chart);
    // Without a time-out of ours, nothing else of ours is set either: 600 s is what Kubernetes takes.
    const deadlineSeconds = timeout === undefined ? 600 : 60;
    const { deployment, others } = await plainObjects(project, namespace.name, deadlineSeconds);
    const upgrade = async (image: string | undefined) => {
      const values = join(chart, 'values.json');
      writeFileSync(values, JSON.stringify({ objects: [...others, withImage(deployment, image)] }));
      const within = timeout === undefined ? [] : ['--timeout', timeout];
      const flags = ['--namespace', namespace.name, '--kubeconfig', cluster.kubeconfig, '--values', values];
      const argv = [helm, 'upgrade', '--install', 'shop', chart, ...flags, '--wait', '--rollback-on-failure'];
      return run([...argv, ...within], { env: { HOME: project.base } });
    };
    const first = await upgrade(undefined);
    if (first.exitCode !== 0) throw new Error(`helm: ${first.stderr}`);
    const service = await cluster.kubectl(
      '--namespace',
      namespace.name,
      'get',
      'service/shop',
      '--output=jsonpath={.spec.clusterIP}',
    );
    await using load = await startLoad({ host: service, port: 80, scale: 0.05 });
    await load.more(10);
    const startedAt = performance.now();
    const { exitCode, stderr } = await upgrade(references.get(what));
    const seconds = (performance.now() - startedAt) / 1000;
    if (exitCode === 0) await Bun.sleep(afterMs);
    const { failed, requests } = await load.stop();
    return {
      what,
      by: `helm, ${timeout ?? 'its own time-out'}`,
      ended: exitCode === 0 ? 'exit 0, it stays' : `exit ${exitCode}, rolled back`,
      seconds,
      says:
        exitCode === 0
          ? 'success'
          : (stderr.trim().split('\n').at(-1) ?? '').replaceAll('|', '\\|').slice(0, 200),
      failed: share(failed, requests) + (exitCode === 0 ? `, ${afterMs / 1000} s of it after success` : ''),
    };
  }
}

async function push(project: Project): Promise<string> {
  const pushed = await mustEnd(project.imagePush(`${project.repository}-bad`));
  return pushed.json().reference ?? '';
}

function withImage(deployment: Deployment, image: string | undefined): Deployment {
  if (image === undefined) return deployment;
  const { template } = deployment.spec;
  const containers = template.spec.containers.map((container) => ({ ...container, image }));
  return {
    ...deployment,
    spec: { ...deployment.spec, template: { ...template, spec: { ...template.spec, containers } } },
  };
}

function writeChart(folder: string): void {
  mkdirSync(join(folder, 'templates'), { recursive: true });
  writeFileSync(join(folder, 'Chart.yaml'), 'apiVersion: v2\nname: shop\nversion: 0.1.0\n');
  writeFileSync(
    join(folder, 'templates', 'objects.yaml'),
    '{{- range .Values.objects }}\n---\n{{ toYaml . }}\n{{- end }}\n',
  );
}

function share(failed: number, requests: number): string {
  return `${failed} of ${requests}`;
}
