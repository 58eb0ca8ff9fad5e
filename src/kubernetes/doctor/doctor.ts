import { UserError } from '../../core/errors.ts';
import { shortId } from '../../core/release.ts';
import type { Finding } from '../../core/target.ts';
import type { ImageReader } from '../../image/store.ts';
import type { Api } from '../api/api.ts';
import { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { readServerTime } from '../api/server-time.ts';
import type { ClusterConfig } from '../cluster-config.ts';
import type { Place } from '../manifests/names.ts';
import { ownerOf, whyNotUsable } from '../ownership.ts';
import { checkRoom } from '../preflight/check-room.ts';
import {
  checkIngressClass,
  checkMetrics,
  checkPullSecret,
  note,
  orRefusal,
  unknown,
} from '../preflight/cluster-parts.ts';
import { mayDo, whyUntold } from '../rights/find-missing-rights.ts';
import { checkRights } from '../rights/refuse-missing-rights.ts';
import type { Store, StoredState } from '../store/store.ts';
import { checkAdmission } from './check-admission.ts';
import { checkPull } from './check-pull.ts';
import { checkRollout } from './check-rollout.ts';
import { checkClock, checkServer } from './check-server.ts';

export interface CheckClusterOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: ClusterConfig;
  readonly store: Pick<Store, 'readState' | 'readRelease'>;
  /** Where images are pushed to, as this machine reaches it; none where the config names none. */
  readonly registry?: Pick<ImageReader, 'name' | 'manifest'>;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** What an environment in a cluster needs, each with how to mend it. Leaves nothing behind. */
export async function checkCluster(options: CheckClusterOptions): Promise<readonly Finding[]> {
  const { api, place, now, signal } = options;
  const server = await checkServer(api, signal);
  const registry = await checkRegistry(options);
  if (server.some(({ isProblem }) => isProblem)) {
    const rest = `rights, namespace ${place.namespace}, room and the pulling of images`;
    return [...server, ...registry, unknown(`${rest}: the cluster is not to be asked`)];
  }
  const [time, rights, namespace, state] = await Promise.all([
    readServerTime(api.access, signal),
    checkRightsForUp(options),
    checkNamespace(options),
    readState(options),
  ]);
  const stored = 'isProblem' in state ? undefined : state.state;
  const parts = await Promise.all([
    checkPullSecret(options),
    checkMetrics(options),
    checkIngressClass(options),
    ...(stored
      ? [
          checkAdmission(api, place, signal),
          checkRollout({ api, place, state: stored, signal }),
          checkRoomFor(options, stored),
          checkPullOf(options, stored),
        ]
      : [[unknown('whether nodes can pull, and have room for two releases: nothing is up yet')]]),
  ]);
  return [
    ...server,
    ...checkClock(time, now()),
    ...rights,
    ...namespace,
    ...('isProblem' in state ? [state] : []),
    ...registry,
    ...parts.flat(),
    unknown('whether the network enforces NetworkPolicies: the API does not tell'),
  ];
}

async function checkRightsForUp(options: CheckClusterOptions): Promise<readonly Finding[]> {
  const { api, place, signal } = options;
  const missing = await checkRights({ ...options, command: 'up' });
  if (missing.length > 0) return missing;
  const what = `the rights that up needs in namespace ${place.namespace}`;
  const why = await whyUntold({ api, namespace: place.namespace, signal });
  return [why === undefined ? note(`you have ${what}`) : unknown(`${what}: ${why}`)];
}

async function checkNamespace({ api, place, signal }: CheckClusterOptions): Promise<readonly Finding[]> {
  const { environment, namespace } = place;
  const found = await orRefusal(() => api.get(kinds.namespace, namespace, signal));
  if (found instanceof ApiRefusal)
    return [unknown(`namespace ${namespace} itself: your rights end within it`)];
  if (found) {
    const why = whyNotUsable(found, place);
    if (why) return [{ isProblem: true, ...why }];
    const whose = ownerOf(found, place) === 'ours' ? 'made by up' : 'used as it is, and left by down';
    return [note(`namespace ${namespace}: ${whose}`)];
  }
  if (await mayDo({ api, group: '', resource: 'namespaces', verb: 'create', signal })) {
    return [note(`namespace ${namespace}: none yet; causeway up ${environment} makes it`)];
  }
  return [
    {
      isProblem: true,
      message: `there is no namespace ${namespace}, and you may not make one`,
      hint: `an administrator runs kubectl create namespace ${namespace}`,
    },
  ];
}

/** What is damaged is a finding too. */
async function readState({
  store,
  signal,
}: CheckClusterOptions): Promise<Finding | { readonly state: StoredState | undefined }> {
  try {
    return { state: await store.readState(signal) };
  } catch (error) {
    // Missing rights are told by their own check.
    if (error instanceof ApiRefusal) return { state: undefined };
    if (!(error instanceof UserError)) throw error;
    return { isProblem: true, message: error.message, hint: error.hint };
  }
}

/** One release more, as large as the stable one. */
async function checkRoomFor(options: CheckClusterOptions, state: StoredState): Promise<readonly Finding[]> {
  const { stable } = state.desired;
  if (!stable) return [unknown('room for two releases: none serves yet')];
  const { surge } = options.config;
  const desired = {
    replicas: state.desired.replicas,
    stable,
    candidate: { ...stable, size: 'all' as const },
    ...(surge === 'all' ? {} : { surge }),
  };
  const findings = await checkRoom({ ...options, desired, hasAgent: state.agentImage !== undefined });
  return findings.length === 0
    ? [note(`there is room for a rollout beside release ${shortId(stable.release.id)}`)]
    : findings;
}

/** By an image that is admitted there already. */
async function checkPullOf(
  { api, place, config: { pullSecret }, store, signal }: CheckClusterOptions,
  state: StoredState,
): Promise<readonly Finding[]> {
  const { stable } = state.desired;
  const release = stable && (await store.readRelease(stable.release.id, signal));
  const image = release?.image ?? state.agentImage;
  if (image === undefined) return [unknown('whether nodes can pull: nothing was rolled out yet')];
  return checkPull({ api, place, image, pullSecret, signal });
}

/** A tag that nobody has: the registry lets in who gets an answer. */
async function checkRegistry({ registry, signal }: CheckClusterOptions): Promise<readonly Finding[]> {
  if (!registry) {
    return [unknown('registry: the config names no image.repository, without which only --image rolls out')];
  }
  try {
    await registry.manifest('causeway-doctor', signal);
    return [
      note(`registry: ${registry.name} answers, and lets you read`),
      unknown('registry: whether it lets you write; the first push shows it'),
    ];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{ isProblem: true, message: `registry: ${error.message}`, hint: error.hint }];
  }
}
