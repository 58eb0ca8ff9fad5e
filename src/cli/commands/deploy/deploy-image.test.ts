import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../../core/errors.ts';
import { leavingError } from '../../../local/supervisor/rollout-runner.ts';
import { ImageTerminal, withoutPlaces } from '../../image/image-terminal.ts';

async function pushed(at: ImageTerminal): Promise<string> {
  at.terminal.environment.isMade = true;
  const { stdout } = await at.call('image', 'push');
  return stdout.trim();
}

test('an image is rolled out as processes: its artifact, and no test is run', async () => {
  await using at = await ImageTerminal.start();
  const reference = await pushed(at);

  const { exit, stderr } = await at.callWith({ service: { test: 'exit 1' } }, 'deploy', '--image', reference);

  expect(exit).toBe(0);
  expect(withoutPlaces(stderr)).toMatchInlineSnapshot(`
    "image    <short>  registry.example.com/team/shop  0.00 s
             │ its artifact runs as processes, on this machine’s runtime and not on its base
    release  <short>  image <short>
    start    ●● 2 of 2, ready  0.00 s
    watch    2 s, 240 requests, 0 lost  0.00 s
    verdict  good
    next     causeway status · causeway down
    "
  `);
  const [request] = at.terminal.environment.requests;
  expect(request?.artifact?.digest).toBe(request?.release.artifact);
  expect(request?.release.image).toBeUndefined();
});

test('the release of an image is that of the tree that it was built from', async () => {
  await using at = await ImageTerminal.start();
  await at.call('up');
  const reference = await pushed(at);

  const { stderr } = await at.call('deploy', '--image', reference);

  expect(stderr).toContain('serves already, nothing to change');
});

test('where nothing is up yet, the hint says how to make it with this image, and nothing is fetched', async () => {
  await using at = await ImageTerminal.start();
  const reference = await pushed(at);
  at.terminal.environment.isMade = false;
  const before = at.registry.requests.length;

  const { stderr } = await at.call('deploy', '--image', reference);

  expect(stderr).toContain(
    `hint: causeway up local --image ${reference} makes what is missing, then rolls out\n`,
  );
  expect(at.registry.requests.length).toBe(before);
});

test('as containers an image is rolled out by its digest, and copied as a layout', async () => {
  await using at = await ImageTerminal.start();
  const reference = await pushed(at);

  const { exit } = await at.callWith({ local: { runner: 'container' } }, 'deploy', '--image', reference);

  expect(exit).toBe(0);
  const [request] = at.terminal.environment.requests;
  expect(reference).toEndWith(request?.release.image ?? 'none');
  const copy = join(at.terminal.folder, 'copy');
  await request?.image?.copyTo(copy, new AbortController().signal);
  const { stdout } = await at.terminal.call('image', 'inspect', './copy');
  expect(stdout).toContain(request?.release.image ?? 'none');
});

test('up as containers builds the image and rolls it out by its digest', async () => {
  await using at = await ImageTerminal.start();

  const { exit, stderr } = await at.callWith({ local: { runner: 'container' } }, 'up');

  expect(exit).toBe(0);
  expect(withoutPlaces(stderr)).toMatchInlineSnapshot(`
    "base     oci:base is <short> from now on: causeway.lock.json notes it
    build    <short>  no git  0.00 s
    image    <short>
    test     14 passed  0.00 s
    start    ●● 2 of 2, ready  0.00 s
    watch    2 s, 240 requests, 0 lost  0.00 s
    verdict  good
    next     edit the service, then causeway deploy · see bad releases taken back: causeway demo · causeway down
    "
  `);
  const [request] = at.terminal.environment.requests;
  expect(request?.release.image).toBe(request?.image?.digest);
  const copy = join(at.terminal.folder, 'copy');
  await request?.image?.copyTo(copy, new AbortController().signal, 'linux/arm64');
  expect(existsSync(join(copy, 'index.json'))).toBe(true);
});

test('what an environment needs is asked before anything is built', async () => {
  await using at = await ImageTerminal.start();
  const missing = { code: 'engine_missing', message: 'no engine answers', hint: 'start it' } as const;
  at.terminal.environment.missing = new UserError(missing);

  const { exit, stderr } = await at.callWith({ local: { runner: 'container' } }, 'up');

  expect(exit).toBe(1);
  expect(stderr).toStartWith('error: no engine answers\n');
});

test('a tag is refused, and nothing is rolled out', async () => {
  await using at = await ImageTerminal.start();
  await pushed(at);

  const { exit, stderr } = await at.call('deploy', '--image', `${at.repository}:v2`);

  expect(exit).toBe(1);
  expect(stderr).toContain('has no tag v2');
  expect(at.terminal.environment.requests).toEqual([]);
});

const signed = { local: { signed: true } };

test('where signatures are asked for, a working tree is refused: nothing is built', async () => {
  await using at = await ImageTerminal.start();
  await at.trustNewKey();

  for (const command of ['up', 'deploy', 'plan']) {
    const { exit, stderr } = await at.callWith(signed, command);

    expect(exit).toBe(1);
    expect(stderr).toStartWith(
      'error: local takes signed images alone, and what is in a working tree is not signed\n',
    );
  }
});

test('where signatures are asked for, a signed image is verified and rolled out', async () => {
  await using at = await ImageTerminal.start();
  await at.trustNewKey();
  const reference = await pushed(at);

  const { exit, stderr } = await at.callWith(signed, 'deploy', '--image', reference);

  expect(exit).toBe(0);
  expect(withoutPlaces(stderr)).toContain('verify   <short>  5 of 5 claims hold');
});

test('where signatures are asked for, an image without one is refused before anything is made', async () => {
  await using at = await ImageTerminal.start();
  const reference = await pushed(at);
  await at.trustNewKey();
  at.terminal.environment.isMade = false;

  const { exit, stderr } = await at.callWith(signed, 'up', '--image', reference);

  expect(exit).toBe(1);
  expect(stderr).toContain('not what it should be: sbom, provenance, signature\n');
  expect(stderr).toContain('help: docs/errors.md#image_unverified\n');
  expect(at.terminal.environment.isMade).toBe(false);
});

/** The same tree as the commit of a repository, whose name the provenance holds. */
async function committed(at: ImageTerminal): Promise<void> {
  const { folder } = at.terminal;
  const git = async (...words: string[]) => {
    const who = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];
    const child = Bun.spawn(['git', ...who, ...words], { cwd: folder, stdout: 'ignore', stderr: 'ignore' });
    expect(await child.exited).toBe(0);
  };
  await git('init');
  await git('add', 'main.ts');
  await git('commit', '--message', 'first');
}

const withGit = { GIT_DIR: '.git' };

test('what the provenance of an image says counts as said where nothing was verified', async () => {
  await using at = await ImageTerminal.start();
  await committed(at);
  at.terminal.environment.isMade = true;
  const { stdout } = await at.terminal.callWithEnv(withGit, 'image', 'push', at.repository);

  await at.call('deploy', '--image', stdout.trim());

  const [request] = at.terminal.environment.requests;
  expect(request?.revision).toMatch(/^[0-9a-f]{7} and changed files, unverified$/);
  expect(request?.signedBy).toBeUndefined();
});

test('where signatures are asked for, the record holds the signed provenance’s revision, whatever else is attached', async () => {
  await using at = await ImageTerminal.start();
  await committed(at);
  await at.trustNewKey();
  at.terminal.environment.isMade = true;
  const { stdout } = await at.callWith({}, 'image', 'push');
  const reference = stdout.trim();
  const later = Date.now() + 1_000_000;
  at.terminal.environment.now = later;
  await at.terminal.callWithEnv(withGit, 'image', 'push', at.repository);

  const { stderr } = await at.callWith(signed, 'deploy', '--image', reference);

  const [request] = at.terminal.environment.requests;
  expect(stderr).toContain('5 of 5 claims hold');
  expect(request?.revision).toMatch(/^image [0-9a-f]{7}$/);
  expect(request?.signedBy).toEqual([expect.stringMatching(/^[0-9a-f]{12}$/)]);
});

test('where signatures are asked for, plan takes an image, and what is next names one', async () => {
  await using at = await ImageTerminal.start();
  await at.trustNewKey();
  const reference = await pushed(at);
  at.terminal.environment.isMade = false;

  const plan = await at.callWith(signed, 'plan', '--image', reference);
  const status = await at.callWith(signed, 'status');
  const open = await at.callWith(signed, 'open');

  expect(plan.exit).toBe(0);
  expect(plan.stdout).toContain('is new here: it would be rolled out\n');
  expect(plan.stderr).toContain(`next     causeway up --image ${reference}\n`);
  expect(status.stderr).toContain('next     causeway up --image <image>\n');
  expect(open.stderr).toContain('hint: causeway up local --image <image>\n');
});

test('where signatures are asked for, what the environment itself hints at names an image, also as JSON', async () => {
  await using at = await ImageTerminal.start();
  await at.trustNewKey();
  const reference = await pushed(at);
  at.terminal.environment.missing = leavingError('local');

  const plain = await at.callWith(signed, 'deploy', '--image', reference);
  const json = await at.callWith(signed, 'deploy', '--image', reference, '--json');

  expect(plain.stderr).toContain('hint: causeway up local --image <image>\n');
  expect(JSON.parse(json.stdout).error.hint).toBe('causeway up local --image <image>');
});

test('a rollback goes back to nothing that only a dropped key has signed', async () => {
  await using at = await ImageTerminal.start();
  await at.trustNewKey();
  const first = await pushed(at);
  await at.callWith(signed, 'deploy', '--image', first);
  at.terminal.write('main.ts', 'console.log("second");\n');
  const second = await at.callWith({}, 'image', 'push');
  await at.callWith(signed, 'deploy', '--image', second.stdout.trim());
  const { stdout: another } = await at.terminal.call('keys', 'init');

  const refused = await at.callWith({ ...signed, image: { trust: [another.trim()] } }, 'rollback');
  const done = await at.callWith(signed, 'rollback');

  expect(refused.exit).toBe(1);
  expect(refused.stderr).toContain('which image.trust does not name any more\n');
  expect(done.exit).toBe(0);
});
