import type { INode, IPod } from 'kubernetes-models/v1';
import type { Finding } from '../../core/target.ts';
import { showCpu, showMemory, toMilli } from './quantity.ts';

/** What a pod is promised, in thousandths of CPUs and bytes. */
export interface Share {
  readonly cpu: number;
  readonly memory: number;
}

export interface RoomOptions {
  readonly nodes: readonly INode[];
  /** Of all namespaces. */
  readonly pods: readonly IPod[];
  /** How many pods more, and what each of them is promised. */
  readonly count: number;
  readonly each: Share;
  /** It is not replicas, but what watches the rollout. */
  readonly isAgent?: boolean;
}

/**
 * Whether nodes have room for so many pods more, beside those that run. Where they have not it is a problem, unless
 * they are a cloud's, which may bring another.
 */
export function findRoom({ nodes, pods, count, each, isAgent = false }: RoomOptions): Finding | undefined {
  const usable = nodes.filter(isUsable);
  const room = usable.reduce((sum, node) => sum + roomOn(node, pods, each), 0);
  if (room >= count) return undefined;
  const size = `${showCpu(each.cpu)} CPU and ${showMemory(each.memory)} memory`;
  const left = nodes.length - usable.length;
  const beside = left === 0 ? '' : `; ${left} of ${nodes.length} nodes take no pods of ours`;
  const starts = isAgent ? 'the agent is' : count === 1 ? '1 pod is' : `${count} pods are`;
  const one = count === 1 ? '' : ' each';
  return {
    isProblem: !nodes.some(mayBeJoined),
    message: `${starts} to start beside those that run, with ${size}${one}, and there is room for ${room}${beside}`,
    hint: 'free room or add a node, or lower resources or replicas in causeway.config.ts',
  };
}

/** Our pods tolerate nothing. */
function isUsable({ spec }: INode): boolean {
  if (spec?.unschedulable) return false;
  return !spec?.taints?.some(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute');
}

function roomOn({ metadata, status }: INode, pods: readonly IPod[], each: Share): number {
  const allocatable = status?.allocatable ?? {};
  const here = pods.filter((pod) => pod.spec?.nodeName === metadata?.name && staysInTheWay(pod));
  const taken = here.map(shareOf);
  const free = (of: (share: Share) => number, all: string | number | undefined) =>
    toMilli(all) - taken.reduce((sum, share) => sum + of(share), 0);
  const bounds = [
    toMilli(allocatable.pods) / 1000 - here.length,
    each.cpu === 0 ? Infinity : free(({ cpu }) => cpu, allocatable.cpu) / each.cpu,
    each.memory === 0 ? Infinity : free(({ memory }) => memory, allocatable.memory) / each.memory,
  ];
  return Math.max(0, Math.floor(Math.min(...bounds)));
}

/** One that has ended, is on its way out, or gives way by its priority, keeps no room. */
function staysInTheWay({ metadata, spec, status }: IPod): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return false;
  return metadata?.deletionTimestamp === undefined && (spec?.priority ?? 0) >= 0;
}

/** What the scheduler counts: all containers and sidecars, or an init container that takes more; and the overhead. */
export function shareOf({ spec }: IPod): Share {
  return { cpu: requestOf(spec, 'cpu'), memory: requestOf(spec, 'memory') };
}

function requestOf(spec: IPod['spec'], resource: 'cpu' | 'memory'): number {
  const own = (container: Container) =>
    toMilli(container.resources?.requests?.[resource] ?? container.resources?.limits?.[resource]);
  const { containers = [], initContainers = [], overhead, resources } = spec ?? {};
  const whole = resources?.requests?.[resource];
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always');
  const running = [...containers, ...sidecars].reduce((sum, container) => sum + own(container), 0);
  const most = Math.max(running, ...initContainers.map(own));
  return (whole === undefined ? most : toMilli(whole)) + toMilli(overhead?.[resource]);
}

type Container = NonNullable<IPod['spec']>['containers'][number];

/** Of a cloud, whose autoscaler may add one; those of a laptop's cluster are all that there is. */
function mayBeJoined({ spec }: INode): boolean {
  const cloud = /^([a-z0-9]+):/.exec(spec?.providerID ?? '')?.[1];
  return cloud !== undefined && !['kind', 'k3s', 'minikube', 'rke2'].includes(cloud);
}
