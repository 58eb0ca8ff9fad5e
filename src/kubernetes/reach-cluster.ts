import { homedir } from 'node:os';
import type { KubernetesConfig } from '../core/config.ts';
import type { Registry } from '../core/environment.ts';
import type { ClusterAccess } from './api/access.ts';
import type { Api } from './api/api.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { Place } from './manifests/names.ts';
import type { Reach } from './reach.ts';
import type { Store } from './store/store.ts';

export interface ReachOptions {
  readonly config: KubernetesConfig;
  /** Of the command line; wins over the config's. */
  readonly context: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of a cloud: how the cluster that it made is reached. Default: by the kubeconfig. */
  readonly reach?: (signal: AbortSignal) => Promise<Reach>;
  /** Told of each request and process. */
  readonly trace: (line: string) => void;
  /** Told what takes seconds, once. */
  readonly say: (line: string) => void;
}

/** What an environment is reached by. */
export interface Cluster {
  readonly api: Api;
  readonly store: Store;
  readonly config: ClusterConfig;
  /** Where a cloud brings one. */
  readonly registry?: Registry;
}

/** By what a cloud says, or by the kubeconfig; what that names is asked for credentials. */
export async function reachCluster(
  options: ReachOptions,
  place: Place,
  signal: AbortSignal,
): Promise<Cluster> {
  const { config, trace } = options;
  const [{ openApi }, { openStore }, reach] = await Promise.all([
    import('./api/open-api.ts'),
    import('./store/open-store.ts'),
    options.reach?.(signal),
  ]);
  const access = reach ? await accessOfCloud(options, reach) : await accessOfContext(options, signal);
  const api = openApi({ access, namespace: place.namespace, trace });
  const store = openStore({ api, place });
  if (!reach) return { api, store, config };
  const exposure = { kind: 'cloud', url: reach.url, ...reach.exposure } as const;
  return { api, store, config: { ...config, exposure }, registry: reach.registry };
}

/** Its API server is out in the world, so the way to it may be by the shell's proxy. */
async function accessOfCloud({ env }: ReachOptions, { access }: Reach): Promise<ClusterAccess> {
  const { findProxy } = await import('./kubeconfig/find-proxy.ts');
  const proxy = findProxy({ server: access.server, proxyUrl: access.proxy, env });
  return proxy === undefined ? access : { ...access, proxy };
}

async function accessOfContext(
  { config, context = config.context, env, say, trace }: ReachOptions,
  signal: AbortSignal,
): Promise<ClusterAccess> {
  const { openAccess } = await import('./kubeconfig/open-access.ts');
  return openAccess({ context, env, home: env.HOME ?? homedir(), say, trace, signal });
}
