import { describe, expect, test } from 'bun:test';
import type { INode, IResourceQuota } from 'kubernetes-models/v1';
import { parseConfig } from '../../core/config.ts';
import { fakeRelease } from '../../core/fake-target.ts';
import type { Desired } from '../../core/rollout.ts';
import { FakeApi } from '../api/fake-api.ts';
import { fakePlace as place } from '../store/fake-stored.ts';
import { checkRoom } from './check-room.ts';

const pod = { resources: { cpu: '500m', memory: '256Mi' }, preStopMs: 0 };
const stable = { release: fakeRelease('one', { pod }) };
const candidate = { release: fakeRelease('two', { pod }), size: 'one' as const };
const usualHint = 'free room or add a node, or lower resources or replicas in causeway.config.ts';

type Rolled = Pick<Desired, 'replicas' | 'surge'> & {
  readonly isFirst?: boolean;
  readonly hasAgent?: boolean;
};

/** In a cluster of one node with this much CPU left, three replicas serve. */
async function checkWith(
  free: string,
  { isFirst = false, hasAgent = true, ...rolled }: Rolled,
  quota?: IResourceQuota,
) {
  const api = new FakeApi();
  api.put<INode>({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'a' },
    status: { allocatable: { cpu: free, memory: '64Gi', pods: '110' } },
  });
  if (quota) api.put<IResourceQuota>(quota);
  const { staging } = parseConfig(
    {
      project: 'shop',
      service: { entry: 'main.ts' },
      environments: { staging: { target: 'kubernetes', context: 'test' } },
    },
    'the test',
  ).environments;
  if (staging?.target !== 'kubernetes') throw new Error('it is of no cluster');
  const desired = { ...rolled, candidate, ...(isFirst ? {} : { stable }) };
  const { signal } = new AbortController();
  const findings = await checkRoom({ api, place, config: staging, desired, hasAgent, signal });
  return findings.map(({ isProblem, message, hint }) => ({ isProblem, message, hint }));
}

describe('a rollout asks for the room of', () => {
  test.each([
    ['all replicas once more', '1.5', { replicas: 3 }],
    ['one replica', '500m', { replicas: 3, surge: 'one' }],
    ['its agent alone', '50m', { replicas: 3, surge: 'none' }],
    ['nothing, where it has no agent', '0', { replicas: 3, surge: 'none', hasAgent: false }],
    ['all replicas of a first release', '1.5', { replicas: 3, surge: 'none', isFirst: true }],
  ] satisfies [string, string, Rolled][])(
    '%s, and with that meets no problem',
    async (_what, free, rolled) => {
      expect(await checkWith(free, rolled)).toEqual([]);
    },
  );
});

describe('with less room it is a problem that says which setting would fit', () => {
  test.each([
    [
      '1',
      { replicas: 3 },
      '3 pods are to start beside those that run, with 500m CPU and 256Mi memory each, and there is room for 2',
      `set surge to 'one', or ${usualHint}`,
    ],
    [
      '400m',
      { replicas: 3 },
      '3 pods are to start beside those that run, with 500m CPU and 256Mi memory each, and there is room for 0',
      `set surge to 'none', or ${usualHint}`,
    ],
    [
      '400m',
      { replicas: 3, surge: 'one' },
      '1 pod is to start beside those that run, with 500m CPU and 256Mi memory, and there is room for 0',
      `set surge to 'none', or ${usualHint}`,
    ],
    [
      '400m',
      { replicas: 1 },
      '1 pod is to start beside those that run, with 500m CPU and 256Mi memory, and there is room for 0',
      usualHint,
    ],
    [
      '1',
      { replicas: 3, surge: 'none', isFirst: true },
      '3 pods are to start beside those that run, with 500m CPU and 256Mi memory each, and there is room for 2',
      usualHint,
    ],
    [
      '40m',
      { replicas: 3, surge: 'none' },
      'the agent is to start beside those that run, with 50m CPU and 96Mi memory, and there is room for 0',
      usualHint,
    ],
  ] satisfies [string, Rolled, string, string][])('%s CPU for %j', async (free, rolled, message, hint) => {
    expect(await checkWith(free, rolled)).toEqual([{ isProblem: true, message, hint }]);
  });

  test('also where it is the namespace’s quota that has none', async () => {
    const quota: IResourceQuota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'team' },
      status: { hard: { pods: '4' }, used: { pods: '3' } },
    };

    const [found] = await checkWith('8', { replicas: 3 }, quota);

    expect(found?.message).toStartWith('quota team has room for 1 of pods');
    expect(found?.hint).toStartWith("set surge to 'one', or ask for a larger quota");
  });
});
