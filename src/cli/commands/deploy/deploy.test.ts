import { expect, test } from 'bun:test';
import type { Judgement } from '../../../core/verdict.ts';
import { rolloutResultSchema } from '../../json.ts';
import { configText, FakeTerminal, withoutIds } from '../../terminal/fake-terminal.ts';

const crash: Judgement = {
  kind: 'failed',
  cause: 'crashed',
  message: 'exit code 1 after 34 ms',
  evidence: { exit: 'exit code 1', lines: ['error: boom at start', '  at main.ts:4:9'] },
};

const hooked = {
  hooks: { before: 'echo before >> hooks', after: 'echo $CAUSEWAY_VERDICT >> hooks' },
};

test('deploy where nothing was made is an error whose hint is up', async () => {
  using terminal = new FakeTerminal();

  const { exit, stderr } = await terminal.call('deploy');

  expect(exit).toBe(1);
  expect(withoutIds(stderr)).toMatchInlineSnapshot(`
    "error: local is not up
      hint: causeway up local makes what is missing, then rolls out
      help: docs/errors.md#environment_missing
    "
  `);
});

test('a bad release ends with 3, its cause, its last lines and the release that serves', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');
  terminal.write('main.ts', 'throw new Error("boom at start");\n');
  terminal.environment.judgement = crash;

  const { exit, stdout, stderr } = await terminal.call('deploy');

  expect(exit).toBe(3);
  expect(stdout).toBe('');
  expect(withoutIds(stderr)).toMatchInlineSnapshot(`
    "build    <short>  no git                              0.00 s
    test     14 passed                                    0.00 s
    start    ○ 0 of 1 beside 2 stable                     0.00 s
    verdict  failed: crashed, exit code 1 after 34 ms
    evidence exit code 1
             │ error: boom at start
             │   at main.ts:4:9
    remove   1 candidate replica, gone                    0.00 s
    error: release <short> is bad and was taken back; <short> serves as before
      hint: causeway logs local --release <short> shows what it printed
      help: docs/errors.md#rollout_failed
    "
  `);
});

test('a bad first release ends with 1, since nothing runs', async () => {
  using terminal = new FakeTerminal();
  terminal.environment.isMade = true;
  terminal.environment.judgement = crash;

  const { exit, stderr } = await terminal.call('deploy');

  expect(exit).toBe(1);
  expect(stderr).toContain('is bad and was taken back; nothing runs');
});

test('--json of a bad release holds the error and the record', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');
  terminal.write('main.ts', 'throw new Error("boom at start");\n');
  terminal.environment.judgement = crash;

  const { exit, stdout } = await terminal.call('deploy', '--json');

  const result = rolloutResultSchema.parse(JSON.parse(stdout));
  expect(exit).toBe(3);
  expect(result.error?.code).toBe('rollout_failed');
  expect(result.record?.verdict).toEqual(crash);
  expect(result.serves).not.toBe(result.release);
});

test('an environment that does not answer ends with 5', async () => {
  using terminal = new FakeTerminal();
  terminal.environment.isMade = true;
  terminal.environment.outcome = { kind: 'unknown', message: 'the environment does not answer: timeout' };

  const { exit, stderr } = await terminal.call('deploy');

  expect(exit).toBe(5);
  expect(stderr).toContain('error: the environment does not answer: timeout\n');
  expect(stderr).toContain('help: docs/errors.md#rollout_unknown');
});

test('a missing secret is found before the build, and named with its source alone', async () => {
  using terminal = new FakeTerminal({
    files: { 'causeway.config.ts': configText({ secrets: { DB: { env: 'DB_URL' } } }) },
  });

  const { exit, stderr } = await terminal.call('deploy');

  expect(exit).toBe(2);
  expect(stderr).toBe(`error: the secret DB is missing: the variable DB_URL is not set
  hint: export DB_URL=…
  help: docs/errors.md#secret_missing
`);
});

test('hooks run around the rollout, with the release and its verdict', async () => {
  using terminal = new FakeTerminal({
    files: {
      'causeway.config.ts': configText(
        {},
        {
          hooks: {
            before: 'echo before >> hooks',
            after: 'echo $CAUSEWAY_VERDICT $CAUSEWAY_ENVIRONMENT >> hooks; exit 4',
          },
        },
      ),
    },
  });
  terminal.environment.isMade = true;

  const { exit, stderr } = await terminal.call('deploy');

  expect(exit).toBe(0);
  expect(await Bun.file(`${terminal.folder}/hooks`).text()).toBe('before\ngood local\n');
  expect(stderr).toContain('after    the hook failed with exit code 4, which changes nothing');
});

test('where the release serves already no hook runs, though a secret may have been changed', async () => {
  using terminal = new FakeTerminal({
    files: {
      'causeway.config.ts': configText({ secrets: { TOKEN: { file: 'token' } } }, hooked),
      token: 'one',
    },
  });
  await terminal.call('up');
  terminal.write('hooks', '');

  await terminal.call('deploy');

  expect(terminal.environment.requests).toHaveLength(2);
  expect(await Bun.file(`${terminal.folder}/hooks`).text()).toBe('');
});

test('the hook after runs for each hook before, though another command rolled it out meanwhile', async () => {
  using terminal = new FakeTerminal({ files: { 'causeway.config.ts': configText({}, hooked) } });
  terminal.environment.isMade = true;
  terminal.environment.outcome = { kind: 'unchanged' };

  await terminal.call('deploy');

  expect(await Bun.file(`${terminal.folder}/hooks`).text()).toBe('before\ngood\n');
});

test('how the rollout ended is told, though the environment does not answer afterwards', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');
  const [first] = terminal.environment.records;
  terminal.write('main.ts', 'throw new Error("boom at start");\n');
  terminal.environment.judgement = crash;
  const { status } = terminal.environment;
  terminal.environment.onBegun = () => {
    terminal.environment.status = () => Promise.reject(new Error('no answer'));
  };

  const bad = await terminal.call('deploy', '--json');
  terminal.environment.status = status;
  terminal.environment.judgement = { kind: 'good' };
  const good = await terminal.call('deploy');

  expect(bad.exit).toBe(3);
  expect(rolloutResultSchema.parse(JSON.parse(bad.stdout))).toMatchObject({
    outcome: 'failed',
    serves: first?.release ?? '',
  });
  expect(good.exit).toBe(0);
  expect(withoutIds(good.stdout)).toBe('local    <short>                                      0.00 s\n');
});

test('deploy where it was made, but nothing runs it now, says so', async () => {
  using terminal = new FakeTerminal();
  terminal.environment.status = async () => ({
    environment: 'local',
    target: 'local',
    state: 'stopped',
    running: [],
  });

  const { exit, stderr } = await terminal.call('deploy');

  expect(exit).toBe(1);
  expect(stderr).toContain('help: docs/errors.md#environment_stopped\n');
});

test('a hook that fails before the rollout stops it', async () => {
  using terminal = new FakeTerminal({
    files: {
      'causeway.config.ts': configText({}, { hooks: { before: ['sh', '-c', 'echo frozen; exit 1'] } }),
    },
  });
  terminal.environment.isMade = true;

  const { exit, stderr } = await terminal.call('deploy');

  expect(exit).toBe(1);
  expect(stderr).toContain('frozen\nerror: the hook before the rollout failed with exit code 1\n');
  expect(terminal.environment.requests).toEqual([]);
});

test('Ctrl-C in mid-rollout ends the command with 130 and says that the rollout goes on', async () => {
  using terminal = new FakeTerminal();
  terminal.environment.isMade = true;
  terminal.environment.onBegun = () => terminal.interrupt();

  const { exit, stderr } = await terminal.call('deploy');

  expect(exit).toBe(130);
  expect(
    withoutIds(stderr),
  ).toContain(`interrupted: the rollout of <short> goes on by itself, and is judged all the same
  next: causeway status --watch
`);
});

test('Ctrl-C while the tests run stops them, and nothing is rolled out', async () => {
  using terminal = new FakeTerminal({ files: { 'causeway.config.ts': configText({ test: 'sleep 60' }) } });
  terminal.environment.onMake = () => terminal.interrupt();

  const { exit, stderr } = await terminal.call('up');

  expect(exit).toBe(130);
  expect(stderr).toContain('interrupted: the tests were stopped, and nothing was rolled out\n');
});

test('tests that hang are stopped at the deadline, with what they printed', async () => {
  using terminal = new FakeTerminal({
    files: {
      'causeway.config.ts': configText({ test: 'echo one; sleep 60' }, { deadlines: { test: '50ms' } }),
    },
  });
  terminal.environment.isMade = true;

  const { exit, stderr } = await terminal.call('deploy');

  expect(exit).toBe(1);
  expect(stderr).toContain('one\nerror: the tests did not end within 50 ms: echo one; sleep 60\n');
  expect(stderr).toContain('help: docs/errors.md#test_timeout');
});

test('what the bad release printed last is shown where it is more than the record keeps, before it is taken out', async () => {
  using terminal = new FakeTerminal();
  terminal.environment.isMade = true;
  terminal.environment.judgement = crash;
  terminal.environment.printed = [
    // Lines that differ by their numbers alone would be told as one.
    ...Array.from('abcdefghijkl', (letter) => `line ${letter}`),
    'error: boom at \x1b]0;start\x07',
  ];

  const { stderr } = await terminal.call('deploy');

  expect(stderr).toContain('exit code 1 after 34 ms\nevidence exit code 1\n         │ line b\n');
  expect(stderr).toContain('         │ error: boom at \\u001b]0;start\\u0007\nremove ');
});

test('Ctrl-C while the rollout is asked for does not claim that nothing began', async () => {
  using terminal = new FakeTerminal();
  terminal.environment.isMade = true;
  terminal.environment.deploy = async () => {
    terminal.interrupt();
    throw new Error('cut off');
  };

  const { exit, stderr } = await terminal.call('deploy');

  expect(exit).toBe(130);
  expect(stderr).toContain('interrupted: the rollout was asked for, and goes on by itself if it had begun\n');
});

test('what the preflight notes stands before the rollout, and in --json', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');
  const note = { message: 'there is room for 1 of 2 pods', hint: 'free room or add a node' };
  terminal.environment.notes = [{ isProblem: false, ...note }];

  terminal.write('main.ts', 'console.log("other");\n');
  const told = await terminal.call('deploy');
  terminal.write('main.ts', 'console.log("another");\n');
  const json = await terminal.call('deploy', '--json');

  expect(told.stderr).toMatch(/note +there is room for 1 of 2 pods; free room or add a node\nstart /);
  expect(rolloutResultSchema.parse(JSON.parse(json.stdout)).notes).toEqual([note]);
});
