import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../../core/errors.ts';
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
