import { expect, test } from 'bun:test';
import { clusterTerminal } from '../../fake-cluster.ts';
import { driftResultSchema } from '../../json.ts';
import { FakeTerminal } from '../../terminal/fake-terminal.ts';

const differences = [
  { object: 'Deployment/probe', field: 'spec.replicas', wanted: 2, found: 5 },
  {
    object: 'Deployment/probe',
    field: 'spec.template.metadata.annotations.x',
    wanted: undefined,
    found: 'y',
  },
  { object: 'NetworkPolicy/probe', wanted: { spec: {} }, found: undefined },
];

test('each thing that differs stands in a line, and that anything does is a failure', async () => {
  using at = clusterTerminal();
  at.cluster.isMade = true;
  at.cluster.differences = differences;

  const { exit, stdout, stderr } = await at.terminal.call('drift', 'prod');

  expect(exit).toBe(1);
  expect(stdout).toMatchInlineSnapshot(`
    "Deployment/probe spec.replicas: 5, and shall be 2
    Deployment/probe spec.template.metadata.annotations.x: y, and shall be none
    NetworkPolicy/probe is missing
    "
  `);
  expect(stderr).toMatchInlineSnapshot(`
    "error: 3 things of prod differ from what was rolled out
      hint: causeway up prod puts it right
      help: docs/errors.md#drift_found
    "
  `);
});

test('--json holds the differences; what is missing is null', async () => {
  using at = clusterTerminal();
  at.cluster.isMade = true;
  at.cluster.differences = differences;

  const { stdout } = await at.terminal.call('drift', 'prod', '--json');

  const { error, ...rest } = driftResultSchema.parse(JSON.parse(stdout));
  expect(error?.code).toBe('drift_found');
  expect(rest.differences.map(({ field, wanted, found }) => ({ field, wanted, found }))).toEqual([
    { field: 'spec.replicas', wanted: 2, found: 5 },
    { field: 'spec.template.metadata.annotations.x', wanted: null, found: 'y' },
    { field: undefined, wanted: { spec: {} }, found: null },
  ]);
});

test('where nothing differs it is done, on this machine as well', async () => {
  using at = clusterTerminal();
  using terminal = new FakeTerminal();
  at.cluster.isMade = true;
  terminal.environment.isMade = true;

  const there = await at.terminal.call('drift', 'prod');
  const here = await terminal.call('drift');

  expect(there).toEqual({ exit: 0, stdout: 'prod     no drift\n', stderr: '' });
  expect(here).toEqual({ exit: 0, stdout: 'local    no drift\n', stderr: '' });
});

test('where nothing is up there is nothing to compare', async () => {
  using at = clusterTerminal();

  const { exit, stderr } = await at.terminal.call('drift', 'prod');

  expect(exit).toBe(1);
  expect(stderr).toContain('error: prod is not up: there is nothing to compare\n  hint: causeway up prod\n');
});
