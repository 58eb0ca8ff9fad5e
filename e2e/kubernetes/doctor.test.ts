import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { checkCluster } from '../../src/kubernetes/doctor/doctor.ts';
import { admissionObjects } from '../../src/kubernetes/manifests/admission.ts';
import { takeLease } from '../../src/kubernetes/target/lease.ts';
import { accessTo } from '../cluster/access.ts';
import { type Cluster, openCluster } from '../cluster/cluster.ts';
import { openParts, removeParts } from './environment-parts.ts';
import { makeLimitedUser } from './limited-user.ts';
import { makeStable } from './stable-release.ts';

let cluster: Cluster;
const toRemove: string[] = [];

beforeAll(async () => {
  cluster = await openCluster();
}, 900_000);

afterAll(async () => {
  for (const name of toRemove) await removeParts(cluster, name);
}, 60_000);

type Parts = ReturnType<typeof openParts>;

function freshParts(): Parts {
  const namespace = `doctor-${crypto.randomUUID().slice(0, 8)}`;
  toRemove.push(namespace);
  return openParts({ access: accessTo(cluster), namespace });
}

async function examine(parts: Parts, now: () => number = Date.now) {
  const findings = await checkCluster({ ...parts, now });
  const told = (isProblem: boolean) =>
    findings.filter((finding) => finding.isProblem === isProblem).map(({ message }) => message);
  return { problems: told(true), notes: told(false), findings };
}

test('an environment that is not there yet has no problem, and is not made', async () => {
  const parts = freshParts();

  const { problems, notes } = await examine(parts);

  expect(problems).toEqual([]);
  expect(notes).toContain(`namespace ${parts.place.namespace}: none yet; causeway up test makes it`);
  expect(await cluster.kubectl('get', 'namespace', parts.place.namespace, '--ignore-not-found')).toBe('');
}, 60_000);

describe('an environment that serves', () => {
  let parts: Parts;

  beforeAll(async () => {
    parts = freshParts();
    await makeStable(cluster, parts);
  }, 120_000);

  test('is well: its image is pulled anew by a pod that is gone afterwards', async () => {
    const { problems, notes } = await examine(parts);

    expect(problems).toEqual([]);
    expect(notes).toContain(`a node pulled ${await cluster.image('web')} just now`);
    expect(notes).toContain('the admission policy is there, as up makes it, and bound');
    expect(notes).toContain('no rollout is left half-done');
    expect(notes.some((message) => /Kubernetes v1\.\d+/.test(message))).toBe(true);
    const pods = await cluster.kubectl('--namespace', parts.place.namespace, 'get', 'pods', '--output=name');
    expect(pods.trim().split('\n')).toHaveLength(1);
  }, 60_000);

  test('is told of a clock that is minutes off as a warning', async () => {
    const { problems, notes } = await examine(parts, () => Date.now() + 180_000);

    expect(problems).toEqual([]);
    expect(notes.some((message) => message.includes('clock of this machine is 3 min ahead of'))).toBe(true);
  }, 60_000);

  test('with a binding that only warns may admit any image, and up mends it', async () => {
    const [, binding] = admissionObjects(parts.place);
    const name = binding?.metadata?.name ?? '';
    const act = (action: string) =>
      cluster.kubectl(
        'patch',
        'validatingadmissionpolicybinding',
        name,
        '--type=merge',
        `--patch={"spec":{"validationActions":["${action}"]}}`,
      );
    await act('Warn');

    const { findings } = await examine(parts);
    await act('Deny');

    expect(findings.filter(({ isProblem }) => isProblem)).toEqual([
      {
        isProblem: true,
        message: 'ValidatingAdmissionPolicyBinding was changed, so the cluster may admit any image',
        hint: 'causeway up test puts it right',
      },
    ]);
    expect((await examine(parts)).problems).toEqual([]);
  }, 60_000);

  test('with a policy that is no longer bound admits any image, and up mends it', async () => {
    const [, binding] = admissionObjects(parts.place);
    await cluster.kubectl('delete', 'validatingadmissionpolicybinding', binding?.metadata?.name ?? '');

    const { findings } = await examine(parts);

    const [problem] = findings.filter(({ isProblem }) => isProblem);
    expect(problem).toEqual({
      isProblem: true,
      message: 'ValidatingAdmissionPolicyBinding is missing, so the cluster admits any image',
      hint: 'causeway up test puts it right',
    });
  }, 60_000);

  test('with a closed gate and no rollout says that up opens it', async () => {
    const patch = '{"spec":{"progressDeadlineSeconds":2000000000,"minReadySeconds":1000000000}}';
    await cluster.kubectl(
      '--namespace',
      parts.place.namespace,
      'patch',
      'deployment',
      'shop',
      `--patch=${patch}`,
    );

    const { problems } = await examine(parts);

    expect(problems.some((message) => message.startsWith('no rollout runs, and its gate is closed'))).toBe(
      true,
    );
  }, 60_000);

  test('with a rollout that nobody drives says how to end it, and of one that is driven that it runs', async () => {
    const state = await parts.store.readState(parts.signal);
    const stable = state?.desired.stable;
    if (!state || !stable) throw new Error('nothing serves');
    const { release } = stable;
    const rollout = {
      id: 'x',
      kind: 'deploy',
      by: 'ada',
      startedAt: 1,
      release: release.id,
      artifact: 'a',
      command: 'none',
    } as const;
    await parts.store.writeState({ ...state, desired: { ...state.desired, rollout } }, parts.signal);

    const left = await examine(parts);
    const lease = await takeLease({ ...parts, holder: { by: 'ada', purpose: 'deploy' }, renewMs: 200 });
    const driven = await examine(parts);
    await lease.release();

    const what = `deploy of ${release.id.slice(0, 7)} by ada`;
    expect(left.problems).toContain(`a rollout is half-done, and nobody drives it: ${what}`);
    expect(driven.notes).toContain(`a rollout is under way: ${what}`);
  }, 60_000);
});

test('an image that is not there is told in the words of the node, and the pod is gone afterwards', async () => {
  const { name: namespace } = await cluster.makeNamespace();
  toRemove.push(namespace);
  const parts = openParts({ access: accessTo(cluster), namespace });
  const agentImage = `${cluster.registry}/no-such@sha256:${'0'.repeat(64)}`;
  await parts.store.writeState({ desired: { replicas: 1 }, token: 0, agentImage }, parts.signal);

  const { problems } = await examine(parts);

  expect(problems.some((message) => message.startsWith(`a node cannot pull ${agentImage}: `))).toBe(true);
  expect(await cluster.kubectl('--namespace', namespace, 'get', 'pods', '--output=name')).toBe('');
}, 90_000);

test('a user whose rights end at one namespace is told that the policy is an administrator’s, as no problem', async () => {
  const { name: namespace } = await cluster.makeNamespace();
  toRemove.push(namespace);
  const parts = openParts({ access: await makeLimitedUser(cluster, namespace), namespace });
  await makeStable(cluster, parts);

  const { problems, notes } = await examine(parts);

  expect(problems).toEqual([]);
  expect(notes).toContain(`namespace ${namespace} itself: your rights end within it`);
  expect(notes).toContain(`the cluster knows you as system:serviceaccount:${namespace}:limited-user`);
}, 90_000);

test('credentials that are wrong, and a server that does not answer, are one problem each', async () => {
  const access = accessTo(cluster);
  const ca = access.tls.ca === undefined ? {} : { ca: access.tls.ca };
  const headers = async () => ({ authorization: 'Bearer wrong' });
  const wrong = openParts({ access: { ...access, tls: ca, headers }, namespace: 'default' });
  const away = openParts({ access: { ...access, server: 'https://127.0.0.1:1' }, namespace: 'default' });

  expect((await examine(wrong)).problems).toHaveLength(1);
  expect((await examine(away)).problems).toHaveLength(1);
}, 60_000);
