import type { KubernetesConfig } from '../../core/config.ts';
import type { Release } from '../../core/release.ts';
import type { Desired } from '../../core/rollout.ts';
import type { Finding } from '../../core/target.ts';
import type { Api } from '../api/api.ts';
import { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { namesOf, type Place } from '../manifests/names.ts';
import { whyNotUsable } from '../ownership.ts';
import { checkRights } from '../rights/refuse-missing-rights.ts';
import { checkIngressClass, checkMetrics, checkPullSecret, note, orRefusal } from './cluster-parts.ts';
import { findLimitProblems, withDefaults } from './limit-ranges.ts';
import { toMilli } from './quantity.ts';
import { findQuotaProblems, type PodNeeds } from './quotas.ts';
import { findRoom } from './room.ts';

export interface FindProblemsOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: KubernetesConfig;
  /** As it shall be once the rollout begins. */
  readonly desired: Desired;
  readonly signal: AbortSignal;
}

/** What would surely make the rollout fail, as problems, and what else is worth knowing, as notes. Changes nothing. */
export async function findProblems(options: FindProblemsOptions): Promise<readonly Finding[]> {
  const { desired } = options;
  const [rights, namespace, pullSecret, ...others] = await Promise.all([
    checkRights({ ...options, command: desired.rollout?.kind ?? 'deploy' }),
    checkNamespace(options),
    checkPullSecret(options),
    checkMetrics(options),
    checkIngressClass(options),
  ]);
  const early = [...rights, ...namespace, ...pullSecret];
  const room = early.some(({ isProblem }) => isProblem) ? [] : await checkRoom(options);
  // What does not work afterwards either way keeps no rollout from its end.
  return [...early, ...room, ...others.flat().map((finding) => ({ ...finding, isProblem: false }))];
}

/** Whether the namespace may be rolled out to; one that cannot be seen is told by what is done in it. */
async function checkNamespace({ api, place, signal }: FindProblemsOptions): Promise<readonly Finding[]> {
  const found = await orRefusal(() => api.get(kinds.namespace, place.namespace, signal));
  if (found instanceof ApiRefusal) return [];
  const { environment, namespace } = place;
  const why = found
    ? whyNotUsable(found, place)
    : { message: `there is no namespace ${namespace}`, hint: `causeway up ${environment} makes it` };
  return why ? [{ isProblem: true, ...why }] : [];
}

/** Room for all replicas of both releases, in the namespace and on the nodes. */
export async function checkRoom(
  options: Omit<FindProblemsOptions, 'desired'> & {
    readonly desired: Pick<Desired, 'replicas' | 'candidate'>;
  },
): Promise<readonly Finding[]> {
  const { desired, api, signal } = options;
  const needs = desired.candidate && needsOf(desired.candidate.release);
  if (!needs) return [];
  const [count, quotas, ranges, onNodes] = await Promise.all([
    countOf(options),
    orRefusal(() => api.list(kinds.resourceQuota, {}, signal)),
    orRefusal(() => api.list(kinds.limitRange, {}, signal)),
    readNodes(api, signal),
  ]);
  const rangeItems = ranges instanceof ApiRefusal ? [] : ranges.items;
  const each = withDefaults(needs, rangeItems);
  const limits = findLimitProblems(needs, rangeItems);
  const quota = quotas instanceof ApiRefusal ? [] : findQuotaProblems({ quotas: quotas.items, count, each });
  if (typeof onNodes === 'string') return [...limits, ...quota, note(onNodes)];
  const room = findRoom({ ...onNodes, count, each: needs.requests });
  return [...limits, ...quota, ...(room ? [room] : [])];
}

function needsOf({ settings: { pod } }: Release): PodNeeds | undefined {
  if (!pod) return undefined;
  const { cpu, memory, cpuLimit } = pod.resources;
  return {
    requests: { cpu: toMilli(cpu), memory: toMilli(memory) },
    limits: { cpu: cpuLimit === undefined ? undefined : toMilli(cpuLimit), memory: toMilli(memory) },
  };
}

/** How many pods the `all` step starts. */
async function countOf({
  api,
  place,
  config,
  desired: { replicas },
  signal,
}: Parameters<typeof checkRoom>[0]): Promise<number> {
  if (replicas !== 'autoscaled') return replicas;
  const found = await orRefusal(() => api.get(kinds.deployment, namesOf(place).service, signal));
  const now = found instanceof ApiRefusal ? undefined : found?.spec?.replicas;
  return Math.max(now ?? 0, config.autoscale?.min ?? 1);
}

/** A cluster of more nodes has room, or an autoscaler; its pods are too many to read for this. */
const mostNodes = 20;

async function readNodes(api: Api, signal: AbortSignal) {
  const nodes = await orRefusal(() => api.list(kinds.node, {}, signal));
  if (nodes instanceof ApiRefusal) return 'room on the nodes is not to be seen: you may not list nodes';
  if (nodes.items.length > mostNodes) return `room on the ${nodes.items.length} nodes was not counted`;
  const fields = 'status.phase!=Succeeded,status.phase!=Failed';
  const pods = await orRefusal(() => api.list(kinds.pod, { namespace: '*', fields }, signal));
  if (pods instanceof ApiRefusal) return 'room on the nodes is not to be seen: you may not list all pods';
  return { nodes: nodes.items, pods: pods.items };
}
