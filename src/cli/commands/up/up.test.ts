import { expect, test } from 'bun:test';
import { rolloutResultSchema } from '../../json.ts';
import { configText, FakeTerminal, withoutIds } from '../../terminal/fake-terminal.ts';

test('the first up tells build, tests, start, watch and verdict on stderr, and the result on stdout', async () => {
  using terminal = new FakeTerminal();

  const { exit, stdout, stderr } = await terminal.call('up');

  expect(exit).toBe(0);
  expect(withoutIds(stderr)).toMatchInlineSnapshot(`
    "build    <short>  no git                              0.00 s
    test     14 passed                                    0.00 s
    start    ●● 2 of 2, ready                             0.00 s
    watch    2 s, 240 requests, 0 lost                    0.00 s
    verdict  good
    next     edit main.ts, then causeway deploy · see bad releases taken back: causeway demo · causeway down
    "
  `);
  expect(withoutIds(stdout)).toMatchInlineSnapshot(`
    "local    http://127.0.0.1:8080   <short>              0.00 s
    "
  `);
});

test('up over a stable release tries one replica beside it, then all, then drains', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');
  terminal.write('main.ts', 'console.log("other");\n');

  const { exit, stderr } = await terminal.call('up');

  expect(exit).toBe(0);
  expect(withoutIds(stderr)).toMatchInlineSnapshot(`
    "build    <short>  no git                              0.00 s
    test     14 passed                                    0.00 s
    start    ● 1 of 1 beside 2 stable                     0.00 s
    watch    2 s, 240 requests, 0 lost                    0.00 s
    start    ●● 2 of 2, ready                             0.00 s
    watch    2 s, 260 requests, 0 lost                    0.00 s
    verdict  good
    drain    2 earlier replicas, gone                     0.00 s
    next     back to <short>: causeway rollback · causeway releases
    "
  `);
});

test('up of what serves already runs no tests and changes nothing', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');

  const { exit, stderr } = await terminal.call('up');

  expect(exit).toBe(0);
  expect(withoutIds(stderr)).toMatchInlineSnapshot(`
    "build    <short>  no git                              0.00 s
    release  <short> serves already, nothing to change
    next     edit main.ts, then causeway deploy · see bad releases taken back: causeway demo · causeway down
    "
  `);
});

test('--again tests and rolls out what serves already', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');

  const { stderr } = await terminal.call('up', '--again');

  expect(stderr).toContain('test     14 passed');
  expect(terminal.environment.requests.at(-1)?.isAgain).toBe(true);
  expect(terminal.environment.records).toHaveLength(2);
});

test('up goes on where a secret was rotated: the release serves, and is deployed with the new value', async () => {
  using terminal = new FakeTerminal({
    files: { 'causeway.config.ts': configText({ secrets: { TOKEN: { file: 'token' } } }), token: 'one\n' },
  });
  await terminal.call('up');
  terminal.write('token', 'two\n');

  await terminal.call('up');

  expect(terminal.environment.requests.map(({ secrets }) => secrets)).toEqual([
    { TOKEN: 'one' },
    { TOKEN: 'two' },
  ]);
});

test('--json leaves one document on stdout, of the documented shape', async () => {
  using terminal = new FakeTerminal();

  const { stdout } = await terminal.call('up', '--json');

  const result = rolloutResultSchema.parse(JSON.parse(stdout));
  expect(result).toMatchObject({ environment: 'local', url: 'http://127.0.0.1:8080', outcome: 'good' });
  expect(result.serves).toBe(result.release);
});

test('tests that fail stop up with their output, and nothing is rolled out', async () => {
  using terminal = new FakeTerminal({
    files: { 'causeway.config.ts': configText({ test: 'echo expected 1 to be 2; echo 1 fail >&2; exit 7' }) },
  });

  const { exit, stdout, stderr } = await terminal.call('up');

  expect(exit).toBe(1);
  expect(stdout).toBe('');
  expect(withoutIds(stderr)).toMatchInlineSnapshot(`
    "build    <short>  no git                              0.00 s
    expected 1 to be 2
    1 fail
    error: the tests failed with exit code 7: echo expected 1 to be 2; echo 1 fail >&2; exit 7
      hint: mend the tests or the service, then run the same command again
      help: docs/errors.md#test_failed
    "
  `);
  expect(terminal.environment.requests).toEqual([]);
});

test('of failing tests the last 200 lines are shown, without those of bun that passed', async () => {
  const script =
    'echo "(fail) it serves"; i=0; while [ $i -lt 300 ]; do echo "(pass) test $i"; i=$((i+1)); done; exit 1';
  using terminal = new FakeTerminal({ files: { 'causeway.config.ts': configText({ test: script }) } });
  using long = new FakeTerminal({ files: { 'causeway.config.ts': configText({ test: 'seq 300; exit 1' }) } });

  const { stderr } = await terminal.call('up');
  const { stdout } = await long.call('up', '--json');

  expect(stderr).toContain('(fail) it serves\nerror: the tests failed with exit code 1: ');
  const { details } = JSON.parse(stdout).error;
  expect(details.split('\n')).toEqual(Array.from({ length: 200 }, (_, at) => `${at + 101}`));
});

test('a failing make stops the tests, and is what is told', async () => {
  using terminal = new FakeTerminal({ files: { 'causeway.config.ts': configText({ test: 'sleep 60' }) } });
  terminal.environment.onMake = () => {
    throw new Error('the port is gone');
  };

  const { exit, stderr } = await terminal.call('up');

  expect(exit).toBe(1);
  expect(stderr).toContain('the port is gone');
});

test('on a terminal the step under way is drawn over, and the cursor comes back', async () => {
  using terminal = new FakeTerminal({ isTerminal: true, columns: 60 });

  const { stderr } = await terminal.call('up');

  const lines = stderr.split('\n');
  expect(lines.every((line) => Bun.stringWidth(line.split('\r').at(-1) ?? '') <= 60)).toBe(true);
  expect(stderr).toContain('\x1b[?25l');
  expect(stderr.lastIndexOf('\x1b[?25h')).toBeGreaterThan(stderr.lastIndexOf('\x1b[?25l'));
});

test('without a UTF-8 locale every character is ASCII', async () => {
  using terminal = new FakeTerminal({ env: { LANG: 'C' } });

  const { stdout, stderr } = await terminal.call('up');

  expect(`${stdout}${stderr}`).toMatch(/^[ -~\n]*$/);
  expect(stderr).toContain('start    ** 2 of 2, ready');
});

test('all lines of an environment with a long name begin below each other', async () => {
  using terminal = new FakeTerminal();
  const long = configText().replace('"staging"', '"container"');
  terminal.write('long.config.ts', long);

  const { stdout, stderr } = await terminal.call('up', 'container', '--config', 'long.config.ts');

  const starts = `${stderr}${stdout}`
    .trimEnd()
    .split('\n')
    .map((line) => /^\S+ +/.exec(line)?.[0].length);
  expect(new Set(starts)).toEqual(new Set([10]));
});

test('--ttl for an environment that is in no cloud is wrong usage, and nothing is begun', async () => {
  using terminal = new FakeTerminal();

  const { exit, stderr } = await terminal.call('up', '--ttl', '4h');

  expect(exit).toBe(2);
  expect(stderr).toContain(
    'error: --ttl says how long an environment in an account of a cloud lives, and local is in none\n',
  );
  expect(terminal.environment.requests).toEqual([]);
});
