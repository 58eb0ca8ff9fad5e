import { expect, test } from 'bun:test';
import { doctorResultSchema } from '../../json.ts';
import { configText, FakeTerminal } from '../../terminal/fake-terminal.ts';

test('every check is a line, and a failed one says how to mend it', async () => {
  using terminal = new FakeTerminal({
    files: { 'causeway.config.ts': configText({ secrets: { TOKEN: { env: 'PROBE_TOKEN' } } }) },
  });
  terminal.environment.findings = [
    { isProblem: true, message: 'port 8080: node listens on it', hint: 'stop process 4711' },
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
    "
  `);
  expect(stderr).toMatchInlineSnapshot(`
    "error: 2 of 5 checks failed
      hint: each ✗ above says how to mend it; then run causeway doctor again
      help: docs/errors.md#doctor_found
    "
  `);
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
