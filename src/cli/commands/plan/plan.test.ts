import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ImageTerminal, withoutPlaces } from '../../image/image-terminal.ts';
import { planResultSchema } from '../../json.ts';
import { configText, FakeTerminal, withoutIds } from '../../terminal/fake-terminal.ts';

test('where nothing is up, the release would be new and cost nothing', async () => {
  using terminal = new FakeTerminal();

  const { exit, stdout } = await terminal.call('plan');

  expect(exit).toBe(0);
  expect(withoutIds(stdout)).toMatchInlineSnapshot(`
    "local    is not up: it would be made
    release  <short>  no git
             is new here: it would be tested and rolled out
    costs    nothing: it runs on this machine
    "
  `);
  expect(terminal.environment.isMade).toBe(false);
});

test('what serves already needs nothing', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');

  const { stdout } = await terminal.call('plan');

  expect(withoutIds(stdout)).toMatchInlineSnapshot(`
    "local    serves
    release  <short>  no git
             serves already: nothing to do
    costs    nothing: it runs on this machine
    "
  `);
});

test('settings are compared field by field with those of the release that serves', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');
  const service = {
    env: { LEVEL: 'debug' },
    drain: '5s',
    paths: ['/', '/b'],
    probes: { timeout: '1500ms' },
    release: ['bun', 'migrate.ts'],
  };
  terminal.write('other.config.ts', configText(service, { replicas: 3 }));

  const { stdout } = await terminal.call('plan', '--config', 'other.config.ts');

  expect(withoutIds(stdout)).toMatchInlineSnapshot(`
    "local    serves
    release  <short>  no git
             is new here: it would be tested and rolled out
    replaces <short>
             │ service.drain: 30s → 5s
             │ service.env.LEVEL: none → debug
             │ service.paths: ["/"] → ["/","/b"]
             │ service.probes.timeout: 1s → 1500ms
             │ service.release: none → ["bun","migrate.ts"]
             │ replicas: 2 → 3
    costs    nothing: it runs on this machine
    "
  `);
});

test('a release that failed here before is told with its cause', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');
  terminal.write('main.ts', 'throw 1;\n');
  terminal.environment.judgement = { kind: 'failed', cause: 'crashed', message: 'exit code 1 after 34 ms' };
  await terminal.call('deploy');

  const failed = planResultSchema.parse(JSON.parse((await terminal.call('plan', '--json')).stdout));

  expect(failed).toMatchObject({ found: 'failed', because: 'crashed, exit code 1 after 34 ms' });
  expect(failed.changes.map(({ field }) => field)).toEqual(['artifact']);
});

test('another port is a change that up makes, though the release serves already', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');
  terminal.write('moved.config.ts', configText({}, { port: 8090 }));

  const { stdout, stderr } = await terminal.call('plan', '--config', 'moved.config.ts');

  expect(withoutIds(stdout)).toMatchInlineSnapshot(`
    "local    serves
    release  <short>  no git
             serves already
             │ port: 8080 → 8090 (the address is away for a moment)
    costs    nothing: it runs on this machine
    "
  `);
  expect(stderr).toBe('next     causeway up\n');
});

test('with secrets it says when they are read, and without a test command it speaks of no tests', async () => {
  const config = { secrets: { DB: { env: 'DB_URL' } }, test: undefined };
  using terminal = new FakeTerminal({
    files: { 'causeway.config.ts': configText(config) },
    env: { DB_URL: 'postgres://v4lue' },
  });

  const { stdout } = await terminal.call('plan');

  expect(withoutIds(stdout)).toMatchInlineSnapshot(`
    "local    is not up: it would be made
    release  <short>  no git
             is new here: it would be rolled out
    secrets  read when it is rolled out; a changed value starts the replicas anew
    costs    nothing: it runs on this machine
    "
  `);
});

test('a missing secret is the same error as of deploy', async () => {
  using terminal = new FakeTerminal({
    files: { 'causeway.config.ts': configText({ secrets: { DB: { env: 'DB_URL' } } }) },
  });

  const plan = await terminal.call('plan');

  expect(plan.exit).toBe(2);
  expect(plan).toEqual(await terminal.call('deploy'));
});

test('a change from processes to containers is a change of the image, told with its digest', async () => {
  await using at = await ImageTerminal.start();
  await at.call('up');

  const { stdout } = await at.callWith({ local: { runner: 'container' } }, 'plan');

  expect(withoutPlaces(stdout)).toContain('image: none → <short>\n');
  expect(stdout).not.toContain('artifact: ');
});

test('of a container it builds the image too, and leaves the project as it was', async () => {
  await using at = await ImageTerminal.start();

  const { exit } = await at.callWith({ local: { runner: 'container' } }, 'plan');

  expect(exit).toBe(0);
  expect(existsSync(join(at.terminal.folder, 'causeway.lock.json'))).toBe(false);
});

test('while it builds, it says so', async () => {
  using terminal = new FakeTerminal({ isTerminal: true });

  const { stderr } = await terminal.call('plan', '--no-color');

  expect(stderr).toContain('building the release');
});
