import { expect, test } from 'bun:test';
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
  const service = { env: { LEVEL: 'debug' }, drain: '5s', paths: ['/', '/b'] };
  terminal.write('other.config.ts', configText(service, { replicas: 3 }));

  const { stdout } = await terminal.call('plan', '--config', 'other.config.ts');

  expect(withoutIds(stdout)).toMatchInlineSnapshot(`
    "local    serves
    release  <short>  no git
             is new here: it would be tested and rolled out
    replaces <short>
             │ drainMs: 30000 → 5000
             │ env.LEVEL: none → debug
             │ paths: ["/"] → ["/","/b"]
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
