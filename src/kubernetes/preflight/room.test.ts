import { expect, test } from 'bun:test';
import type { INode, IPod } from 'kubernetes-models/v1';
import { toMilli } from './quantity.ts';
import { findRoom, shareOf } from './room.ts';

const each = { cpu: toMilli('500m'), memory: toMilli('256Mi') };

function node(name: string, spec: INode['spec'] = {}): INode {
  const allocatable = { cpu: '2', memory: '4Gi', pods: '10' };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec, status: { allocatable } };
}

function pod(nodeName: string, cpu: string, more: Partial<IPod> = {}): IPod {
  const containers = [{ name: 'main', resources: { requests: { cpu, memory: '64Mi' } } }];
  return { apiVersion: 'v1', kind: 'Pod', spec: { nodeName, containers }, ...more };
}

test('what fits beside the pods that run is no problem', () => {
  expect(findRoom({ nodes: [node('a')], pods: [pod('a', '500m')], count: 3, each })).toBeUndefined();
});

test('one pod more than fits is a problem that says how many do', () => {
  const found = findRoom({ nodes: [node('a')], pods: [pod('a', '600m')], count: 3, each });

  expect(found).toEqual({
    isProblem: true,
    message:
      '3 pods are to start beside those that run, with 500m CPU and 256Mi memory each, and there is room for 2',
    hint: 'free room or add a node, or lower resources or replicas in causeway.config.ts',
  });
});

test('one pod, and the agent, are told as what they are', () => {
  const full = { nodes: [node('a')], pods: [pod('a', '2')], count: 1, each };

  expect(findRoom(full)?.message).toBe(
    '1 pod is to start beside those that run, with 500m CPU and 256Mi memory, and there is room for 0',
  );
  expect(findRoom({ ...full, isAgent: true })?.message).toStartWith('the agent is to start beside');
});

test('pods that have ended, are leaving or give way keep no room', () => {
  const gone = [
    pod('a', '2', { status: { phase: 'Succeeded' } }),
    pod('a', '2', { metadata: { deletionTimestamp: '2026-11-23T12:00:00Z' } }),
    pod('a', '2', { spec: { ...pod('a', '2').spec, priority: -10, containers: [] } }),
  ];

  expect(findRoom({ nodes: [node('a')], pods: gone, count: 4, each })).toBeUndefined();
});

test('a cordoned and a tainted node take no pods of ours', () => {
  const nodes = [
    node('a', { unschedulable: true }),
    node('b', { taints: [{ key: 'gpu', effect: 'NoSchedule' }] }),
    node('c', { taints: [{ key: 'spot', effect: 'PreferNoSchedule' }] }),
  ];

  expect(findRoom({ nodes, pods: [], count: 4, each })).toBeUndefined();
  expect(findRoom({ nodes, pods: [], count: 5, each })?.message).toEndWith(
    'there is room for 4; 2 of 3 nodes take no pods of ours',
  );
});

test("a cloud's node may be joined by another, so that too little room is no problem yet", () => {
  const nodes = [node('a', { providerID: 'aws:///eu-central-1a/i-0123' })];

  expect(findRoom({ nodes, pods: [], count: 9, each })?.isProblem).toBe(false);
  const kind = [node('a', { providerID: 'kind://docker/kind/kind-control-plane' })];
  expect(findRoom({ nodes: kind, pods: [], count: 9, each })?.isProblem).toBe(true);
});

test('a pod takes what its containers and sidecars do, or its largest init container, and its overhead', () => {
  const of = (cpu: string) => ({ requests: { cpu } });
  const spec = {
    containers: [{ name: 'main', resources: of('200m') }],
    initContainers: [
      { name: 'mesh', restartPolicy: 'Always', resources: of('100m') },
      { name: 'migrate', resources: of('250m') },
    ],
    overhead: { cpu: '10m' },
  };

  expect(shareOf({ apiVersion: 'v1', kind: 'Pod', spec })).toEqual({ cpu: 310, memory: 0 });
});
