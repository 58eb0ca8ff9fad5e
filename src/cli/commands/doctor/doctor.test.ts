import { expect, test } from 'bun:test';
import { doctorResultSchema } from '../../json.ts';
import { configText, FakeTerminal } from '../../terminal/fake-terminal.ts';

test('every check is a line, and a failed one says how to mend it', async () => {
  using terminal = new FakeTerminal({
    files: { 'causeway.config.ts': configText({ secrets: { TOKEN: { env: 'PROBE_TOKEN' } } }) },
  });
  terminal.environment.findings = [
    { isProblem: true, message: 'port 8080: node listens on it', hint: 'stop process 4711' },
    {
      isProblem: false,
      isUnknown: true,
      message: 'whether nodes can pull: nothing was rolled out yet',
      hint: '',
    },
    { isProblem: false, message: 'the clock is 3 min ahead', hint: 'timedatectl' },
  ];

  const { exit, stdout, stderr } = await terminal.call('doctor');

  expect(exit).toBe(1);
  expect(stdout.replace(/Bun \S+ at .*/, 'Bun <version> at <path>')).toMatchInlineSnapshot(`
    "✓ runtime: Bun <version> at <path>
    ✓ git: none here; records say so instead of a revision
    ✓ config: project probe, environments local, staging
    ✗ secrets: the secret TOKEN is missing: the variable PROBE_TOKEN is not set
        hint: export PROBE_TOKEN=…
    ✗ port 8080: node listens on it
        hint: stop process 4711
    · not checked: whether nodes can pull: nothing was rolled out yet
    ! the clock is 3 min ahead
        hint: timedatectl
    "
  `);
  expect(stderr).toMatchInlineSnapshot(`
    "error: 2 of 6 checks failed
      hint: mend each ✗ above, then causeway doctor
      help: docs/errors.md#doctor_found
    "
  `);
});

test('a secret that a rollout alone reads is not said to be there', async () => {
  using terminal = new FakeTerminal({
    files: {
      'causeway.config.ts': configText({
        secrets: { TOKEN: { env: 'PROBE_TOKEN' }, KEY: { command: ['exit', '1'] } },
      }),
    },
    env: { PROBE_TOKEN: 'a token' },
  });

  const { exit, stdout } = await terminal.call('doctor');

  expect(exit).toBe(0);
  expect(stdout).toContain('✓ secrets: TOKEN can be read\n');
  expect(stdout).toContain('· not checked: secrets: KEY, which a rollout alone reads\n');
});

test('a machine that has all is fine', async () => {
  using terminal = new FakeTerminal();

  const { exit, stdout } = await terminal.call('doctor', '--json');

  expect(exit).toBe(0);
  expect(doctorResultSchema.parse(JSON.parse(stdout)).checks.every(({ isProblem }) => !isProblem)).toBe(true);
});

test('a config that does not load is a failed check, not the end of the others', async () => {
  using terminal = new FakeTerminal({ files: { 'causeway.config.ts': 'export default { project: 1 ;\n' } });

  const { exit, stdout } = await terminal.call('doctor');

  expect(exit).toBe(1);
  expect(stdout).toMatch(/✗ config: causeway\.config\.ts does not load: line 1, column \d+: /);
  expect(stdout).toContain('✓ runtime: Bun');
});

async function checksOf(terminal: FakeTerminal, ...words: string[]): Promise<readonly string[]> {
  const { stdout } = await terminal.call('doctor', '--json', ...words);
  const { checks } = doctorResultSchema.parse(JSON.parse(stdout));
  return checks.map(({ isProblem, message }) => `${isProblem ? '✗' : '✓'} ${message}`);
}

test('where replicas are containers, what builds their image is checked as well', async () => {
  using terminal = new FakeTerminal({
    files: {
      'causeway.config.ts': configText({}, { runner: 'container' }, { trust: ['keys/a.pub'] }),
      'causeway.lock.json': '{ "schemaVersion": 2 }',
    },
    env: { PATH: '/nowhere' },
  });

  const checks = await checksOf(terminal);

  expect(checks).toContain('✗ npm: it is not on PATH, and brings the runtime of images');
  expect(checks).toContainEqual(expect.stringMatching(/^✗ causeway\.lock\.json: /));
  expect(checks).toContainEqual(
    expect.stringMatching(/^✗ keys: image\.trust names keys\/a\.pub, which cannot be read: ENOENT$/),
  );
});

test('a project that has all that images need is fine', async () => {
  using terminal = new FakeTerminal();
  const { stdout } = await terminal.call('keys', 'init');
  terminal.write('other.ts', configText({}, { runner: 'container' }, { trust: [stdout.trim()] }));

  const checks = await checksOf(terminal, '--config', 'other.ts');

  expect(checks).toContainEqual(expect.stringMatching(/^✓ npm: /));
  expect(checks).toContain('✓ causeway.lock.json: none yet; the first build writes it');
  expect(checks).toContainEqual(expect.stringMatching(/^✓ keys: 1 trusted, [0-9a-f]{12} signs here$/));
});
