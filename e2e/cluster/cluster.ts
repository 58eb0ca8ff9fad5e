import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, type Ran, run } from '../images/run-program.ts';

export interface Cluster extends AsyncDisposable {
  /** The path of a file with one context, whose user may do all. */
  readonly kubeconfig: string;
  readonly context: string;
  /** The API's URL. */
  readonly api: string;
  /** `127.0.0.1:5250`: by this name the image writer and the cluster reach it. */
  readonly registry: string;
  /** Must end well; what it printed. */
  readonly kubectl: (...args: readonly string[]) => Promise<string>;
  readonly tryKubectl: (...args: readonly string[]) => Promise<Ran>;
  /** Server-side apply; must end well. */
  readonly apply: (...objects: readonly object[]) => Promise<void>;
  readonly tryApply: (...objects: readonly object[]) => Promise<Ran>;
  /** A fresh one, which is deleted without waiting for its end. */
  readonly makeNamespace: (labels?: Readonly<Record<string, string>>) => Promise<Namespace>;
  /** The reference by digest of an image of a program in `images`. */
  readonly image: (program: 'web') => Promise<string>;
  /** Sees to it that the cluster has DNS and metrics; that takes 20 s, once. */
  readonly haveAddons: () => Promise<void>;
  /** Of our own cluster alone. */
  readonly node?: Node;
}

export interface Namespace extends AsyncDisposable {
  readonly name: string;
}

export interface Node {
  /** Runs a command inside it; must end well. */
  readonly exec: (...argv: readonly string[]) => Promise<string>;
  /** Ends a part, such as `kubelet` or `kube-apiserver`, until it is started. */
  readonly stop: (part: string) => Promise<void>;
  readonly start: (part: string) => Promise<void>;
}

export type ClusterKind = 'node' | 'context';

const script = join(import.meta.dir, 'cluster');

/** Which cluster the tests run on: our own node, or the context that was given. Throws where neither can be. */
export async function findCluster(): Promise<ClusterKind> {
  if (process.platform !== 'linux') throw new Error('it needs Linux');
  const { CAUSEWAY_TEST_CONTEXT: context } = process.env;
  if (context === undefined) {
    const { exitCode, stderr } = await run([script, 'check']);
    if (exitCode !== 0) throw new Error(stderr.trim());
    return 'node';
  }
  const { exitCode, stderr } = await run(['kubectl', '--context', context, 'version']);
  if (exitCode !== 0) throw new Error(`context ${context} does not answer: ${stderr.trim()}`);
  return 'context';
}

export interface ClusterOptions {
  /** A cluster of one's own, for tests that harm it; none can be had of a context. */
  readonly isOwn?: boolean;
  /** The process that it is up for, instead of this one. */
  readonly holder?: number;
  /**
   * Whom its API server asks about tokens: `http://127.0.0.1:PORT/…` of this machine. Its node reaches that port by the
   * same name, and pulls images from there too.
   */
  readonly tokenWebhook?: string;
}

/**
 * The cluster of this run of the tests, brought up if it is not. It goes by itself a second after the last
 * process that opened it ended, however that ended; one's own goes when it is disposed.
 */
export async function openCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { isOwn = false, holder = process.pid, tokenWebhook = '' } = options;
  const { CAUSEWAY_TEST_CONTEXT: context } = process.env;
  if (context !== undefined) {
    if (isOwn || tokenWebhook)
      throw new Error(`a cluster of one's own is not to be had of context ${context}`);
    return openContext(context);
  }
  await install('node');
  for (const n of isOwn ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : [0]) {
    const cluster = await openNode(n, { isOwn, holder, tokenWebhook });
    if (cluster) return cluster;
  }
  throw new Error('nine clusters are up already, each for somebody alone');
}

const isTaken = 75;

/** Undefined: it is somebody's own. */
async function openNode(
  n: number,
  { isOwn, holder, tokenWebhook }: Required<ClusterOptions>,
): Promise<Cluster | undefined> {
  const env = { CLUSTER: String(n), CLUSTER_TOKEN_WEBHOOK: tokenWebhook };
  const of = ['--for', String(holder)];
  const { exitCode, stdout, stderr } = await run([script, 'up', ...of, ...(isOwn ? ['--alone'] : [])], {
    env,
  });
  if (exitCode === isTaken) return undefined;
  if (exitCode !== 0) throw new Error(`the cluster did not come up: ${stderr.trim()}`);
  const said = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1] ?? '';
  const call = (...args: readonly string[]) => mustRun([script, ...args], { env });
  return {
    ...clientOf({
      kubectl: said('KUBECTL'),
      kubeconfig: said('KUBECONFIG'),
      context: `causeway-k8s-${n}`,
    }),
    api: said('API'),
    registry: said('REGISTRY'),
    image: async (program) => (await call('push', `${program}:1`, program)).trim(),
    async haveAddons() {
      await install('addons');
      await call('addons');
    },
    node: {
      exec: (...argv) => call('exec', ...argv),
      async stop(part) {
        await call('stop', part);
      },
      async start(part) {
        await call('start', part);
      },
    },
    async [Symbol.asyncDispose]() {
      if (isOwn) await call('down', ...of);
    },
  };
}

/** What it says of how long it builds is seen while it does. */
async function install(what: 'node' | 'addons' | 'images'): Promise<void> {
  const child = Bun.spawn([script, 'install', what], { stdio: ['ignore', 'ignore', 'inherit'] });
  if ((await child.exited) !== 0) throw new Error(`${script} install ${what} failed`);
}

/** As kind documents its local registry. */
const kindRegistry = 'localhost:5001';

async function openContext(context: string): Promise<Cluster> {
  const folder = mkdtempSync(join(realpathSync('/tmp'), 'cw-context-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const view = ['kubectl', 'config', 'view', '--raw', '--minify', '--flatten', `--context=${context}`];
  await Bun.write(kubeconfig, await mustRun(view), { mode: 0o600 });
  const client = clientOf({ kubectl: 'kubectl', kubeconfig, context });
  const registry = process.env.CAUSEWAY_TEST_REGISTRY ?? kindRegistry;
  return {
    ...client,
    api: await client.kubectl('config', 'view', '--output=jsonpath={.clusters[0].cluster.server}'),
    registry,
    async image(program) {
      const env = { CLUSTER_REGISTRY: registry };
      await install('images');
      return (await mustRun([script, 'push', `${program}:1`, program], { env })).trim();
    },
    async haveAddons() {
      await client.kubectl('--namespace=kube-system', 'get', 'service/kube-dns');
      await client.kubectl('get', 'apiservice/v1beta1.metrics.k8s.io');
    },
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Client {
  /** The program. */
  readonly kubectl: string;
  readonly kubeconfig: string;
  readonly context: string;
}

function clientOf({ kubectl: program, kubeconfig, context }: Client) {
  const argv = (args: readonly string[]) => [program, '--kubeconfig', kubeconfig, ...args];
  const kubectl = (...args: readonly string[]) => mustRun(argv(args));
  const tryApply = (...items: readonly object[]) =>
    run(argv(['apply', '--server-side', '--filename=-']), {
      stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    });
  return {
    kubeconfig,
    context,
    kubectl,
    tryKubectl: (...args: readonly string[]) => run(argv(args)),
    tryApply,
    async apply(...objects: readonly object[]) {
      const { exitCode, stderr } = await tryApply(...objects);
      if (exitCode !== 0) throw new Error(`apply ended with ${exitCode}: ${stderr.trim()}`);
    },
    async makeNamespace(labels: Readonly<Record<string, string>> = {}): Promise<Namespace> {
      const name = `test-${crypto.randomUUID().slice(0, 8)}`;
      const metadata = JSON.stringify({ name, labels });
      await mustRun(argv(['create', '--filename=-']), {
        stdin: `{ "apiVersion": "v1", "kind": "Namespace", "metadata": ${metadata} }`,
      });
      return {
        name,
        async [Symbol.asyncDispose]() {
          await kubectl('delete', 'namespace', name, '--wait=false');
        },
      };
    },
  };
}
