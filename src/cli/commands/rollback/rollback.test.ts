import { expect, test } from 'bun:test';
import { rolloutResultSchema } from '../../json.ts';
import { configText, FakeTerminal, withoutIds } from '../../terminal/fake-terminal.ts';

async function withTwoReleases(): Promise<FakeTerminal> {
  const terminal = new FakeTerminal();
  await terminal.call('up');
  terminal.write('main.ts', 'console.log("other");\n');
  await terminal.call('deploy');
  return terminal;
}

test('rollback returns to the last good release before the one that serves', async () => {
  using terminal = await withTwoReleases();
  const [first] = terminal.environment.records;

  const { exit, stdout, stderr } = await terminal.call('rollback');

  expect(exit).toBe(0);
  expect(terminal.environment.stable?.release).toBe(first?.release ?? '');
  expect(withoutIds(stderr)).toMatchInlineSnapshot(`
    "start    ●● 2 of 2, ready                             0.00 s
    verdict  good
    drain    2 earlier replicas, gone                     0.00 s
    next     forward again: causeway rollback --to <short> · causeway releases
    "
  `);
  expect(withoutIds(stdout)).toMatchInlineSnapshot(`
    "local    http://127.0.0.1:8080   <short>              0.00 s
    "
  `);
});

test('rollback returns to a release though the working tree no longer compiles', async () => {
  using terminal = await withTwoReleases();
  const [first] = terminal.environment.records;
  terminal.write('main.ts', 'no program {');

  const { exit } = await terminal.call('rollback');

  expect(exit).toBe(0);
  expect(terminal.environment.stable?.release).toBe(first?.release ?? '');
});

test('the next step leads forward to the release that was left', async () => {
  using terminal = await withTwoReleases();
  const left = terminal.environment.stable?.release ?? '';

  const { stderr } = await terminal.call('rollback', 'staging');
  await terminal.call('rollback', '--to', left.slice(0, 7));

  expect(stderr).toContain(`forward again: causeway rollback staging --to ${left.slice(0, 7)} · `);
  expect(terminal.environment.stable?.release).toBe(left);
});

test('rollback --to the release that serves names it, and changes nothing', async () => {
  using terminal = await withTwoReleases();
  const serves = terminal.environment.stable?.release ?? '';
  const short = serves.slice(0, 7);

  const { exit, stdout, stderr } = await terminal.call('rollback', '--to', short);
  const { stdout: json } = await terminal.call('rollback', '--to', short, '--json');

  expect(exit).toBe(0);
  expect(stderr).toBe(`release  ${short} serves already, nothing to change\n`);
  expect(stdout).toContain(`   ${short} `);
  expect(rolloutResultSchema.parse(JSON.parse(json))).toMatchObject({
    outcome: 'unchanged',
    release: serves,
    serves,
  });
});

test('rollback --to a release that never ran here is an error that says where to look', async () => {
  using terminal = await withTwoReleases();

  const { exit, stderr } = await terminal.call('rollback', '--to', '9f3c2a1');

  expect(exit).toBe(1);
  expect(stderr).toMatchInlineSnapshot(`
    "error: local never ran release 9f3c2a1
      hint: causeway releases local lists the releases you can return to
      help: docs/errors.md#release_not_found
    "
  `);
});

test('no hook runs where there is nothing to return to, or where it serves already', async () => {
  const hooks = { before: 'echo before >> hooks', after: 'echo $CAUSEWAY_VERDICT >> hooks' };
  using terminal = new FakeTerminal({ files: { 'causeway.config.ts': configText() } });
  await terminal.call('up');
  terminal.write('other.config.ts', configText({}, { hooks }));
  const serves = terminal.environment.stable?.release ?? '';

  const bare = await terminal.call('rollback', '--config', 'other.config.ts');
  await terminal.call('rollback', '--config', 'other.config.ts', '--to', serves.slice(0, 7));

  expect(bare.stderr).toContain('help: docs/errors.md#nothing_to_roll_back\n');
  expect(await Bun.file(`${terminal.folder}/hooks`).exists()).toBe(false);
});

test('rollback --json is one document', async () => {
  using terminal = await withTwoReleases();

  const { stdout } = await terminal.call('rollback', '--json');

  expect(rolloutResultSchema.parse(JSON.parse(stdout)).record?.kind).toBe('rollback');
});
