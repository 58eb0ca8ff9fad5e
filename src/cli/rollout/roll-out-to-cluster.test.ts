import { expect, test } from 'bun:test';
import { UserError } from '../../core/errors.ts';
import { FakeCluster } from '../fake-cluster.ts';
import { ImageTerminal, withoutPlaces } from '../image/image-terminal.ts';
import { planResultSchema, rolloutResultSchema } from '../json.ts';

const others = { prod: { target: 'kubernetes', context: 'kind-kind' } };

async function start(): Promise<{ at: ImageTerminal; cluster: FakeCluster } & AsyncDisposable> {
  const cluster = new FakeCluster();
  const at = await ImageTerminal.start({ hasReferrers: true }, { environment: cluster });
  return { at, cluster, [Symbol.asyncDispose]: () => at[Symbol.asyncDispose]() };
}

test('up says which cluster, pushes the image while the tests run, and rolls it out from there', async () => {
  await using made = await start();
  const { at, cluster } = made;

  const { exit, stdout, stderr } = await at.callWith({ others }, 'up', 'prod');

  expect(exit).toBe(0);
  expect(withoutPlaces(stderr)).toMatchInlineSnapshot(`
    "cluster  kind-kind  https://127.0.0.1:6443  namespace probe-prod
    base     oci:base is <short> from now on: causeway.lock.json notes it
    build    <short>  no git  0.00 s
    image    <short>
    test     14 passed  0.00 s
    push     registry.example.com/team/shop: 5 blobs written (2 kB)  0.00 s
    attach   SBOM of 3 components (packages in service.files: none found), provenance  0.00 s
    sign     not signed: image.trust names no key
    start    ●● 2 of 2, ready  0.00 s
    watch    2 s, 240 requests, 0 lost  0.00 s
    verdict  good
    next     edit the service, then causeway deploy prod · see it: causeway open prod · causeway down prod
    "
  `);
  expect(withoutPlaces(stdout)).toMatchInlineSnapshot(`
    "prod     <short>  0.00 s
    "
  `);
  const [request] = cluster.requests;
  expect(request?.pullFrom).toBe(at.repository);
  expect(request?.agentImage).toStartWith(`${at.repository}@sha256:`);
  expect(at.registry.manifests.has(`team/shop@${request?.release.image}`)).toBe(true);
});

test('where the agent’s image cannot be published that is told, and the rollout goes on without it', async () => {
  await using made = await start();
  const { at, cluster } = made;
  at.terminal.publishAgent = async () => {
    throw new UserError({ code: 'registry_refused', message: 'no right to push', hint: 'none' });
  };

  const { exit, stderr } = await at.callWith({ others }, 'up', 'prod');

  expect(exit).toBe(0);
  expect(stderr).toContain('agent    its image could not be published: no right to push\n');
  expect(cluster.requests[0]?.agentImage).toBeUndefined();
});

test('what serves already is neither tested nor pushed again', async () => {
  await using made = await start();
  const { at } = made;
  await at.callWith({ others }, 'up', 'prod');
  const before = at.registry.requests.length;

  const { exit, stderr } = await at.callWith({ others }, 'up', 'prod');

  expect(exit).toBe(0);
  expect(stderr).toContain('serves already, nothing to change');
  expect(at.registry.requests.length).toBe(before);
});

test('up of what serves already tells what others had changed there, and that it was put right', async () => {
  await using made = await start();
  const { at, cluster } = made;
  await at.callWith({ others }, 'up', 'prod');
  cluster.mends = [{ object: 'Deployment/probe', field: 'spec.replicas', wanted: 2, found: 5 }];

  const { stderr } = await at.callWith({ others }, 'up', 'prod');
  const { stdout } = await at.callWith({ others }, 'up', 'prod', '--json');

  expect(stderr).toContain('mend     1 difference from release or config, put right\n');
  expect(stderr).toContain('│ Deployment/probe spec.replicas: 5 → 2\n');
  expect(stderr).toContain('serves already, nothing else to change\n');
  expect(rolloutResultSchema.parse(JSON.parse(stdout)).mended).toEqual(cluster.mends);
});

test('up of what serves already says of what it made there that it was all', async () => {
  await using made = await start();
  const { at, cluster } = made;
  await at.callWith({ others }, 'up', 'prod');
  cluster.makes = 'made NetworkPolicy';

  const { stderr } = await at.callWith({ others }, 'up', 'prod');

  expect(stderr).toContain('make     made NetworkPolicy\n');
  expect(stderr).toContain('serves already, nothing else to change\n');
});

test('when the tests fail nothing is published, and nothing is rolled out', async () => {
  await using made = await start();
  const { at, cluster } = made;

  const { exit, stderr } = await at.callWith({ others, service: { test: 'exit 1' } }, 'up', 'prod');

  expect(exit).toBe(1);
  expect(stderr).toContain('help: docs/errors.md#test_failed\n');
  expect(cluster.requests).toEqual([]);
  expect([...at.registry.manifests.keys()].filter((name) => !name.startsWith('causeway-agent'))).toEqual([]);
});

test('without a repository nothing is built', async () => {
  await using made = await start();
  const { at } = made;

  const { exit, stderr } = await at.callWith({ others, image: { repository: undefined } }, 'up', 'prod');

  expect(exit).toBe(2);
  expect(stderr).toBe(
    [
      'error: prod pulls its images from a registry, and the config names none',
      "  hint: write image: { repository: 'registry.example.com/team/probe' } in the config; you are logged in as docker login left it",
      '  help: docs/errors.md#repository_missing\n',
    ].join('\n'),
  );
});

test('an image of a registry is pulled from there, and one of a layout is pushed first', async () => {
  await using made = await start();
  const { at, cluster } = made;
  cluster.isMade = true;
  const elsewhere = `${at.registry.host}/other/shop`;
  const reference = (await at.call('image', 'push', elsewhere)).stdout.trim();
  await at.call('image', 'build', '--output', 'out');

  await at.callWith({ others }, 'deploy', 'prod', '--image', reference);
  const { stderr } = await at.callWith({ others }, 'deploy', 'prod', '--image', './out', '--again');

  expect(cluster.requests.map(({ pullFrom }) => pullFrom)).toEqual([elsewhere, at.repository]);
  expect(withoutPlaces(stderr)).toContain('push     registry.example.com/team/shop: ');
});

test('plan shows what the server would change, field by field', async () => {
  await using made = await start();
  const { at, cluster } = made;
  cluster.changes = [
    { object: 'Deployment/probe', field: 'spec.replicas', wanted: 2, found: 5 },
    { object: 'NetworkPolicy/probe', wanted: {}, found: undefined },
  ];

  const { exit, stdout } = await at.callWith({ others }, 'plan', 'prod');
  const json = await at.callWith({ others }, 'plan', 'prod', '--json');

  expect(exit).toBe(0);
  expect(withoutPlaces(stdout)).toMatchInlineSnapshot(`
    "prod     is not up: it would be made
    release  <short>  no git
             is new here: it would be tested and rolled out
    cluster  2 changes, as its server says
             │ Deployment/probe spec.replicas: 5 → 2
             │ NetworkPolicy/probe would be made
    costs    2 replicas of 100m CPU and 256Mi, in your cluster; twice that in a rollout
    "
  `);
  expect(planResultSchema.parse(JSON.parse(json.stdout)).objects).toHaveLength(2);
  expect([...at.registry.manifests.keys()]).toEqual([]);
});

test('Ctrl-C in a rollout says what is left there, and what to do about it', async () => {
  await using made = await start();
  const { at, cluster } = made;
  cluster.onBegun = () => at.terminal.interrupt();

  const { exit, stderr } = await at.callWith({ others }, 'up', 'prod');

  expect(exit).toBe(130);
  expect(withoutPlaces(stderr)).toContain(
    [
      'interrupted: the rollout of <short> is left half-done: what is there serves on, and in 60 s the agent takes the candidate out',
      '  next: the same command goes on with it, causeway rollback prod takes it out\n',
    ].join('\n'),
  );
});

test('--context chooses a cluster, and nothing on this machine', async () => {
  await using made = await start();
  const { at } = made;

  const there = await at.callWith({ others }, 'status', 'prod', '--context', 'kind-other');
  const here = await at.callWith({ others }, 'status', '--context', 'kind-other');

  expect([there.exit, here.exit]).toEqual([0, 2]);
  expect(here.stderr).toContain(
    'error: local is on this machine, and --context kind-other chooses a cluster\n',
  );
});
