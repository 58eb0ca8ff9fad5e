import { expect, test } from 'bun:test';
import { UnreachableError } from '../../../core/errors.ts';
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

test('what is in an account is told beside it, and who puts which right', async () => {
  using at = clusterTerminal();
  at.cluster.isMade = true;
  at.cluster.differences = differences.slice(0, 1);
  const inAccount = [{ object: 'AWS::ECR::Repository Repository', wanted: 'there', found: undefined }];
  Object.assign(at.cluster, { cloud: { drift: async () => inAccount } });

  const both = await at.terminal.call('drift', 'prod');
  at.cluster.differences = [];
  const one = await at.terminal.call('drift', 'prod');

  expect([both.exit, both.stdout]).toEqual([
    1,
    'AWS::ECR::Repository Repository is missing\nDeployment/probe spec.replicas: 5, and shall be 2\n',
  ]);
  const byHand = 'change back by hand what is in the account, or causeway down prod, then causeway up prod';
  expect(both.stderr).toContain(`hint: causeway up prod puts right what is in the cluster; ${byHand}\n`);
  expect(one.stderr).toContain(`hint: ${byHand}\n`);
});

test('of a cluster that does not answer, what is known of its account is told, and it ends with 5', async () => {
  using at = clusterTerminal();
  at.cluster.isMade = true;
  const inAccount = [
    { object: 'AWS::Logs::LogGroup ControlPlaneLogs', field: 'RetentionInDays', wanted: 30, found: 3 },
  ];
  Object.assign(at.cluster, {
    cloud: { drift: async () => inAccount },
    drift: async () => {
      throw new UnreachableError({
        code: 'environment_unreachable',
        message: 'https://10.0.0.1 does not answer',
        hint: 'wait',
      });
    },
  });

  const { exit, stdout, stderr } = await at.terminal.call('drift', 'prod');
  const json = await at.terminal.call('drift', 'prod', '--json');
  inAccount.pop();
  const none = await at.terminal.call('drift', 'prod');

  expect([exit, stdout]).toEqual([
    5,
    'AWS::Logs::LogGroup ControlPlaneLogs RetentionInDays: 3, and shall be 30\n',
  ]);
  expect(stderr).toStartWith('error: https://10.0.0.1 does not answer\n');
  expect(driftResultSchema.parse(JSON.parse(json.stdout))).toMatchObject({
    unseen: 'https://10.0.0.1 does not answer',
    differences: [{ wanted: 30, found: 3 }],
    error: { code: 'environment_unreachable' },
  });
  expect([none.exit, none.stdout]).toEqual([
    5,
    'prod     no drift in its account; its cluster is not seen\n',
  ]);
});

test('a cluster that no cloud made and that does not answer leaves nothing to tell', async () => {
  using at = clusterTerminal();
  at.cluster.isMade = true;
  const message = 'https://10.0.0.1 does not answer';
  const lost = new UnreachableError({ code: 'environment_unreachable', message, hint: 'wait' });
  Object.assign(at.cluster, { drift: () => Promise.reject(lost) });

  const { exit, stdout, stderr } = await at.terminal.call('drift', 'prod');

  expect([exit, stdout]).toEqual([5, '']);
  expect(stderr).toStartWith(`error: ${message}\n`);
});

test('where nothing is up there is nothing to compare', async () => {
  using at = clusterTerminal();

  const { exit, stderr } = await at.terminal.call('drift', 'prod');

  expect(exit).toBe(1);
  expect(stderr).toContain('error: prod is not up: there is nothing to compare\n  hint: causeway up prod\n');
});
