import type { Release } from '../../core/release.ts';
import { type Desired, type Surge, surges } from '../../core/rollout.ts';
import type { Finding } from '../../core/target.ts';
import { agentResources } from '../agent/agent-objects.ts';
import type { Api } from '../api/api.ts';
import { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import type { ClusterConfig } from '../cluster-config.ts';
import { namesOf, type Place } from '../manifests/names.ts';
import { orRefusal, unknown } from './cluster-parts.ts';
import { findLimitProblems, withDefaults } from './limit-ranges.ts';
import { toMilli } from './quantity.ts';
import { findQuotaProblems, type PodNeeds } from './quotas.ts';
import { findRoom } from './room.ts';

export interface CheckRoomOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: ClusterConfig;
  /** A candidate, and what it is rolled out beside. */
  readonly desired: Pick<Desired, 'replicas' | 'surge' | 'stable' | 'candidate'>;
  /** Whether an agent is to watch the rollout. */
  readonly hasAgent: boolean;
  readonly signal: AbortSignal;
}

/** Room for what the rollout starts beside what runs, in the namespace and on the nodes. */
export async function checkRoom(options: CheckRoomOptions): Promise<readonly Finding[]> {
  const { desired, api, hasAgent, signal } = options;
  const { candidate, stable, surge = 'all' } = desired;
  const needs = candidate && needsOf(candidate.release);
  if (!needs) return [];
  const [count, quotas, ranges, onNodes] = await Promise.all([
    countOf(options),
    orRefusal(() => api.list(kinds.resourceQuota, {}, signal)),
    orRefusal(() => api.list(kinds.limitRange, {}, signal)),
    readNodes(api, signal),
  ]);
  const rangeItems = ranges instanceof ApiRefusal ? [] : ranges.items;
  const limits = findLimitProblems(needs, rangeItems);
  const lacksFor = (what: Starts) => {
    const each = withDefaults(what.each, rangeItems);
    const quota =
      quotas instanceof ApiRefusal ? [] : findQuotaProblems({ ...what, quotas: quotas.items, each });
    const room =
      typeof onNodes === 'string' ? undefined : findRoom({ ...onNodes, ...what, each: what.each.requests });
    return [...quota, ...(room ? [room] : [])];
  };
  const lacks = (chosen: Surge) => lacksFor(startsWith(chosen, { count, each: needs, hasAgent }));
  // A first release takes nobody's place.
  const chosen = stable ? surge : 'all';
  const found = lacks(chosen);
  const lesser = found.length > 0 && stable ? surges.slice(surges.indexOf(chosen) + 1) : [];
  const fitting = lesser.find((one) => (count > 1 || one !== 'none') && lacks(one).length === 0);
  return [
    ...limits,
    ...found.map((finding) => withSurge(finding, fitting)),
    ...(typeof onNodes === 'string' ? [unknown(onNodes)] : []),
    ...(quotas instanceof ApiRefusal ? [unknown('quotas of the namespace: you may not list them')] : []),
  ];
}

interface Starts {
  readonly count: number;
  readonly each: PodNeeds;
  readonly isAgent: boolean;
}

/** How many pods there are beside those that serve, at the most. */
function startsWith(
  surge: Surge,
  { count, each, hasAgent }: { readonly count: number; readonly each: PodNeeds; readonly hasAgent: boolean },
): Starts {
  // Else it could take the room that a stable replica makes for the candidate.
  if (surge === 'none') return { count: hasAgent ? 1 : 0, each: agentNeeds, isAgent: true };
  return { count: surge === 'one' ? 1 : count, each, isAgent: false };
}

const { requests, limits } = agentResources;
const agentNeeds: PodNeeds = {
  requests: { cpu: toMilli(requests.cpu), memory: toMilli(requests.memory) },
  limits: { cpu: undefined, memory: toMilli(limits.memory) },
};

function withSurge(finding: Finding, fitting: Surge | undefined): Finding {
  return fitting === undefined
    ? finding
    : { ...finding, hint: `set surge to '${fitting}', or ${finding.hint}` };
}

function needsOf({ settings: { pod } }: Release): PodNeeds | undefined {
  if (!pod) return undefined;
  const { cpu, memory, cpuLimit } = pod.resources;
  return {
    requests: { cpu: toMilli(cpu), memory: toMilli(memory) },
    limits: { cpu: cpuLimit === undefined ? undefined : toMilli(cpuLimit), memory: toMilli(memory) },
  };
}

/** How many replicas there are of a release. */
async function countOf({
  api,
  place,
  config,
  desired: { replicas },
  signal,
}: CheckRoomOptions): Promise<number> {
  if (replicas !== 'autoscaled') return replicas;
  const found = await orRefusal(() => api.get(kinds.deployment, namesOf(place).service, signal));
  const now = found instanceof ApiRefusal ? undefined : found?.spec?.replicas;
  return Math.max(now ?? 0, config.autoscale?.min ?? 1);
}

/** A cluster of more nodes has room, or an autoscaler; its pods are too many to read for this. */
const mostNodes = 20;

async function readNodes(api: Api, signal: AbortSignal) {
  const nodes = await orRefusal(() => api.list(kinds.node, {}, signal));
  if (nodes instanceof ApiRefusal) return 'room on the nodes: you may not list nodes';
  if (nodes.items.length > mostNodes)
    return `room on the nodes: they are ${nodes.items.length}, and too many to count`;
  const fields = 'status.phase!=Succeeded,status.phase!=Failed';
  const pods = await orRefusal(() => api.list(kinds.pod, { namespace: '*', fields }, signal));
  if (pods instanceof ApiRefusal) return 'room on the nodes: you may not list the pods of all namespaces';
  return { nodes: nodes.items, pods: pods.items };
}
