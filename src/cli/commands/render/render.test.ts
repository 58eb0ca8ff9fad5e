import { expect, test } from 'bun:test';
import { clusterTerminal, FakeCluster } from '../../fake-cluster.ts';
import { ImageTerminal } from '../../image/image-terminal.ts';
import { renderResultSchema } from '../../json.ts';
import { FakeTerminal } from '../../terminal/fake-terminal.ts';

const others = { prod: { target: 'kubernetes' } };

test('the manifests of what serves are printed as YAML, in the order to apply them', async () => {
  using at = clusterTerminal();

  const { exit, stdout, stderr } = await at.terminal.call('render', 'prod', '--stable');

  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  expect(stdout).toMatchInlineSnapshot(`
    "---
    apiVersion: v1
    kind: Service
    metadata:
      name: probe
    spec:
      ports:
      - port: 80
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: probe
    spec:
      image: registry.example.com/team/shop
    "
  `);
  expect(at.cluster.rendered).toEqual([undefined]);
});

test('of the working tree, with the digest that its image would have; nothing is pushed', async () => {
  const environment = new FakeCluster();
  await using at = await ImageTerminal.start({ hasReferrers: true }, { environment });

  const { exit, stdout } = await at.callWith({ others }, 'render', 'prod', '--json');

  expect(exit).toBe(0);
  const { objects } = renderResultSchema.parse(JSON.parse(stdout));
  const [request] = environment.rendered;
  expect(request?.pullFrom).toBe(at.repository);
  expect(objects[1]).toMatchObject({ spec: { image: `${at.repository}@${request?.release.image}` } });
  expect(at.registry.requests).toEqual([]);
});

test('an environment of this machine has no manifests', async () => {
  using terminal = new FakeTerminal();

  const { exit, stderr } = await terminal.call('render');

  expect(exit).toBe(2);
  expect(stderr).toContain('error: local is on this machine, and is made of no manifests\n');
});

test('--image and --stable are two things', async () => {
  using at = clusterTerminal();

  const { exit, stderr } = await at.terminal.call('render', 'prod', '--stable', '--image', './x');

  expect(exit).toBe(2);
  expect(stderr).toContain('error: causeway render takes --image or --stable, and not both\n');
});
