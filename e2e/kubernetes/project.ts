import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CausewayConfig } from '../../src/core/config.ts';
import type { RolloutRecord } from '../../src/core/record.ts';
import { admissionObjects } from '../../src/kubernetes/manifests/admission.ts';
import { accessTo } from '../cluster/access.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { composeBase } from '../images/base.ts';
import { ownPlatform } from '../images/image-project.ts';
import {
  type Answer,
  type Ended,
  envBelow,
  type ProjectOptions as LocalOptions,
  openFiles,
  type Started,
  startCauseway,
} from '../local/project.ts';
import { type Load, startLoad } from './load.ts';

type KubernetesInput = Extract<CausewayConfig['environments'][string], { target: 'kubernetes' }>;

export interface ProjectOptions extends Pick<LocalOptions, 'service' | 'image' | 'files'> {
  readonly environment?: Partial<KubernetesInput>;
  /** Where it goes. Default: one of its own, which `up` makes. */
  readonly namespace?: string;
  /** Whose rights it has. Default: the administrator's. */
  readonly kubeconfig?: string;
}

/** A pod of the service. */
export interface Replica {
  readonly name: string;
  /** As the label has it. */
  readonly release: string;
  readonly isReady: boolean;
  readonly isLeaving: boolean;
  readonly restarts: number;
}

export type Project = Awaited<ReturnType<typeof makeProject>>;

/** How the config of every test names its environment. */
const environmentName = 'test';

/**
 * A project in a folder with a space in its name, for one environment in a cluster, with a namespace and a
 * repository of its own. Disposing of it deletes whatever `down` would have, without waiting for its end.
 */
export async function makeProject(cluster: Cluster, options: ProjectOptions = {}) {
  const base = mkdtempSync(join(realpathSync('/tmp'), 'cw-'));
  const folder = join(base, 'a project');
  const id = crypto.randomUUID().slice(0, 8);
  const namespace = options.namespace ?? `shop-${id}`;
  const env: Record<string, string> = {
    ...envBelow(base),
    XDG_CONFIG_HOME: join(base, 'its config'),
    DOCKER_CONFIG: join(base, 'docker'),
    KUBECONFIG: options.kubeconfig ?? cluster.kubeconfig,
  };
  mkdirSync(env.DOCKER_CONFIG ?? '');
  const children = new Set<Bun.Subprocess>();
  const loads: Load[] = [];
  const files = openFiles(folder, options.files);
  let config = configOf(options, {
    context: cluster.context,
    namespace,
    base: await composeBase(),
    repository: `${cluster.registry}/${id}/shop`,
  });
  writeConfig();

  return {
    cluster,
    base,
    folder,
    namespace,
    env,
    repository: config.image?.repository ?? '',
    causeway: (command: string, ...rest: readonly string[]): Promise<Ended> => start(command, ...rest).ended,
    start,
    /** `image push` to a repository. */
    imagePush: (repository: string): Promise<Ended> =>
      startIn(['image', 'push', repository, '--tag', 'one', '--json']).ended,
    ...files,
    /** Changes the config; what is not named stays. */
    configure(changes: Pick<ProjectOptions, 'service' | 'environment' | 'image'>): void {
      const { [environmentName]: environment } = config.environments;
      config = {
        ...config,
        service: { ...config.service, ...changes.service },
        image: { ...config.image, ...changes.image },
        environments: { [environmentName]: { ...environment, ...changes.environment } as KubernetesInput },
      };
      writeConfig();
    },
    kubectl: (...args: readonly string[]) => cluster.kubectl('--namespace', namespace, ...args),
    read,
    replicas,
    /** Where the Service is. */
    address,
    /** What the Service answers. */
    ask,
    async load({ scale = 0.3 }: { readonly scale?: number } = {}): Promise<Load> {
      const load = await startLoad({ ...(await address()), scale });
      loads.push(load);
      return load;
    },
    async records(): Promise<readonly RolloutRecord[]> {
      const { json } = await start('releases', '--json', '--limit', '1000').ended;
      return (json().rollouts ?? []).toReversed();
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(loads.map((load) => load.stop()));
      for (const child of children) child.kill('SIGKILL');
      rmSync(base, { recursive: true, force: true });
      const remove = ['delete', '--ignore-not-found', '--wait=false'];
      const place = { project: 'shop', environment: environmentName, namespace };
      for (const { kind, metadata } of admissionObjects(place).toReversed()) {
        await cluster.kubectl(...remove, kind, metadata?.name ?? '');
      }
      if (options.namespace === undefined) await cluster.kubectl(...remove, 'namespace', namespace);
    },
  };

  function start(command: string, ...rest: readonly string[]): Started {
    return startIn([command, environmentName, ...rest]);
  }

  function startIn(args: readonly string[]): Started {
    const started = startCauseway({ args, folder, env });
    children.add(started.process);
    void started.ended.then(() => children.delete(started.process));
    return started;
  }

  function writeConfig(): void {
    files.write('causeway.config.ts', `export default ${JSON.stringify(config, null, 2)};\n`);
  }

  /** A path of the API below the namespace, as its administrator. */
  async function read<T>(path: string): Promise<T> {
    const { server, tls } = accessTo(cluster);
    const group = path.startsWith('/') ? path : `/api/v1/namespaces/${namespace}/${path}`;
    const response = await fetch(`${server}${group}`, { tls, signal: AbortSignal.timeout(5_000) });
    if (!response.ok) throw new Error(`${group}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async function replicas(): Promise<readonly Replica[]> {
    const selector = 'app.kubernetes.io/name=shop,app.kubernetes.io/component=service';
    const { items } = await read<PodList>(`pods?labelSelector=${encodeURIComponent(selector)}`);
    return items.map(({ metadata, status }) => ({
      name: metadata.name,
      release: metadata.labels['causeway.dev/release'] ?? '',
      isReady: (status.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True'),
      isLeaving: metadata.deletionTimestamp !== undefined,
      restarts: (status.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0),
    }));
  }

  async function address(): Promise<{ readonly host: string; readonly port: number }> {
    const { spec } = await read<ServiceSpec>('services/shop');
    return { host: spec.clusterIP, port: spec.ports[0]?.port ?? 80 };
  }

  async function ask(path = '/'): Promise<Answer> {
    const { host, port } = await address();
    const response = await fetch(`http://${host}:${port}${path}`, {
      keepalive: false,
      signal: AbortSignal.timeout(10_000),
    });
    const { status, headers } = response;
    return { status, release: headers.get('x-release'), body: await response.text() };
  }
}

interface PodList {
  readonly items: readonly {
    readonly metadata: {
      readonly name: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly deletionTimestamp?: string;
    };
    readonly status: {
      readonly conditions?: readonly { readonly type: string; readonly status: string }[];
      readonly containerStatuses?: readonly { readonly restartCount: number }[];
    };
  }[];
}

interface ServiceSpec {
  readonly spec: { readonly clusterIP: string; readonly ports: readonly { readonly port: number }[] };
}

interface Surroundings {
  readonly context: string;
  readonly namespace: string;
  readonly base: string;
  readonly repository: string;
}

function configOf(
  { service, environment, image }: ProjectOptions,
  { context, namespace, base, repository }: Surroundings,
): CausewayConfig {
  return {
    project: 'shop',
    service: {
      ...(service?.files ? {} : { entry: 'service.ts' }),
      probes: { ready: '/readyz', live: '/livez' },
      drain: '5s',
      ...service,
    },
    image: { base: `oci:${base}:base`, platforms: [ownPlatform], repository, ...image },
    environments: {
      [environmentName]: {
        target: 'kubernetes',
        context,
        namespace,
        bake: '1s',
        preStop: '2s',
        deadlines: { start: '20s' },
        resources: { cpu: '20m', memory: '192Mi' },
        // The load comes from outside the cluster.
        allowFrom: [{ cidr: '0.0.0.0/0' }],
        ...environment,
      },
    },
  };
}
