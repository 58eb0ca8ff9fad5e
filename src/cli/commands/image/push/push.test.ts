import { expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeBase } from '../../../image/fake-base.ts';
import { ImageTerminal, withoutPlaces } from '../../../image/image-terminal.ts';
import { imagePushResultSchema } from '../../../json.ts';

test('a push tells build, tests, upload and what is attached, and prints what to deploy', async () => {
  await using at = await ImageTerminal.start();

  const { exit, stdout, stderr } = await at.call('image', 'push');

  expect(exit).toBe(0);
  expect(withoutPlaces(stdout)).toBe('registry.example.com/team/shop@sha256:<digest>\n');
  expect(withoutPlaces(stderr)).toMatchInlineSnapshot(`
    "base     oci:base is <short> from now on: causeway.lock.json notes it
    build    no git  0.00 s
    image    <short>  linux/amd64, linux/arm64
             │ linux/amd64  base 222 B + app 112 B
             │ linux/arm64  base 222 B + app 112 B
    test     14 passed  0.00 s
    push     registry.example.com/team/shop: 5 blobs written (2 kB)  0.00 s
    attach   SBOM of 3 components, provenance  0.00 s
    sign     not signed: image.trust names no key
    next     sign it from now on: causeway keys init · causeway deploy --image registry.example.com/team/shop@sha256:<digest>
    "
  `);
});

test('it is signed with a trusted key that is here, and pushing it again adds nothing', async () => {
  await using at = await ImageTerminal.start();
  await at.trustNewKey();

  const first = await at.call('image', 'push');
  const manifests = at.registry.manifests.size;
  const second = await at.call('image', 'push');

  expect(withoutPlaces(first.stderr)).toContain('\nsign     by <key>\n');
  expect(second.stdout).toBe(first.stdout);
  expect(withoutPlaces(second.stderr)).toMatchInlineSnapshot(`
    "build    no git  0.00 s
    image    <short>  linux/amd64, linux/arm64
             │ linux/amd64  base 222 B + app 112 B
             │ linux/arm64  base 222 B + app 112 B
    test     14 passed  0.00 s
    push     registry.example.com/team/shop: 5 there already  0.00 s
    attach   SBOM of 3 components, provenance, there already  0.00 s
    sign     by <key>
    next     causeway image verify registry.example.com/team/shop@sha256:<digest> · causeway deploy --image registry.example.com/team/shop@sha256:<digest>
    "
  `);
  expect(at.registry.manifests.size).toBe(manifests);
});

test('--json names what was pushed, its tag and the key that signed it', async () => {
  await using at = await ImageTerminal.start();
  const key = await at.trustNewKey();

  const { stdout } = await at.call('image', 'push', '--tag', 'v2', '--json');

  const { reference, image, tag, signedBy } = imagePushResultSchema.parse(JSON.parse(stdout));
  expect(reference).toBe(`${at.repository}@${image}`);
  expect(tag).toBe('v2');
  expect(key).toBe(`keys/${signedBy?.slice(0, 12)}.pub`);
  expect(at.registry.manifests.has('team/shop:v2')).toBe(true);
});

test('when the tests fail, nothing is published', async () => {
  await using at = await ImageTerminal.start();

  const { exit, stdout, stderr } = await at.callWith(
    { service: { test: 'echo 1 fail; exit 1' } },
    ...['image', 'push'],
  );

  expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
  expect(stderr).toContain('1 fail\nerror: the tests failed with exit code 1: echo 1 fail; exit 1\n');
  expect([...at.registry.manifests.keys()]).toEqual([]);
});

test('Ctrl-C while the tests run publishes nothing, and says so', async () => {
  await using at = await ImageTerminal.start();
  const pushing = at.callWith({ service: { test: 'touch begun; sleep 60' } }, 'image', 'push');
  while (!(await Bun.file(`${at.terminal.folder}/begun`).exists())) await Bun.sleep(5);

  at.terminal.interrupt();
  const { exit, stderr } = await pushing;

  expect(exit).toBe(130);
  expect(stderr).toContain('interrupted: nothing was published\n  next: causeway image push\n');
  expect([...at.registry.manifests.keys()]).toEqual([]);
});

test.each([
  [/^PUT .*\/manifests\//, 'the image may be there by now, without SBOM and provenance'],
  [/^GET .*\/referrers\//, 'the image is there, without SBOM and provenance'],
])('Ctrl-C at %p says that %s', async (request, left) => {
  await using at = await ImageTerminal.start();
  at.registry.plan(request, () => at.terminal.interrupt());

  const { exit, stderr } = await at.call('image', 'push');

  expect(exit).toBe(130);
  expect(stderr).toContain(`interrupted: ${left}\n  next: causeway image push\n`);
});

test('a registry that lets nobody in is named, with how to log in', async () => {
  await using at = await ImageTerminal.start({ auth: 'basic' });

  const { exit, stderr } = await at.call('image', 'push');

  expect(exit).toBe(1);
  expect(stderr).toContain(`docker login ${at.registry.host}`);
  expect(stderr).toContain('help: docs/errors.md#registry_refused\n');
});

test('a push without a repository is wrong usage, which says where to write one', async () => {
  await using at = await ImageTerminal.start();

  const { exit, stderr } = await at.callWith({ image: { repository: undefined } }, 'image', 'push');

  expect(exit).toBe(2);
  expect(stderr).toMatchInlineSnapshot(`
    "error: causeway image push has no repository to push to
      hint: causeway image push registry.example.com/team/shop, or write image.repository in the config
      help: docs/errors.md#usage_wrong
    "
  `);
});

test.each([
  [['Registry.example.com/Shop'], 'reference_wrong'],
  [[`registry.example.com/shop@sha256:${'0'.repeat(64)}`], 'reference_wrong'],
  [['registry.example.com/shop:v1', '--tag', 'v2'], 'usage_wrong'],
  [['registry.example.com/shop', '--tag', 'not a tag'], 'reference_wrong'],
])('%p is nothing to push to: %s', async (words, code) => {
  await using at = await ImageTerminal.start();

  const { exit, stderr } = await at.call('image', 'push', ...words);

  expect(exit).toBe(2);
  expect(stderr).toContain(`help: docs/errors.md#${code}\n`);
});

test('a key that the config does not trust signs when it is given, and that is said', async () => {
  await using at = await ImageTerminal.start();
  const { stdout } = await at.terminal.call('keys', 'init', '--json');
  const pem = await Bun.file(JSON.parse(stdout).privateKey).text();

  const { stderr } = await at.terminal.callWithEnv(
    { CAUSEWAY_SIGNING_KEY: pem.replaceAll('\n', '\\n') },
    ...['image', 'push', at.repository],
  );

  const said = withoutPlaces(stderr);
  expect(said).toStartWith(
    'key      <key> signs, and image.trust does not name it: its signature will not count here\n',
  );
  expect(said).toContain('sign     by <key>, a key that image.trust does not name\n');
  expect(said).toContain('next     add the public half of <key> to image.trust: keys/<key>.pub, ');
  expect(stderr).not.toContain(pem.split('\n')[1] ?? '');
});

test('where the private half of the trusted keys is elsewhere, that is what is missing, and no new key', async () => {
  await using at = await ImageTerminal.start();
  await at.trustNewKey();
  rmSync(join(at.terminal.folder, '.config'), { recursive: true });

  const { exit, stderr } = await at.call('image', 'push');

  expect(exit).toBe(0);
  expect(stderr).toContain(
    'sign     not signed: no private half of a key in image.trust is on this machine\n',
  );
  expect(stderr).toContain('next     sign it: push where a private half is, or export CAUSEWAY_SIGNING_KEY ');
  expect(stderr).not.toContain('keys init');
});

test('an image that was not signed is to be deployed where signatures are not asked for, if anywhere', async () => {
  await using at = await ImageTerminal.start();
  const key = await at.trustNewKey();
  const pushing = (local: object) => at.callWith({ local, image: { trust: [key] } }, 'image', 'push');

  const signed = await pushing({ signed: true });
  rmSync(join(at.terminal.folder, '.config'), { recursive: true });
  const unsigned = await pushing({ signed: true });

  expect(signed.stderr).toContain(' · causeway deploy --image ');
  expect(unsigned.stderr).toContain(' · causeway deploy staging --image ');
});

test('a base whose layer cannot be read fails before anything is published, and not after', async () => {
  await using at = await ImageTerminal.start();
  await writeBase(at.terminal.folder, 'broken', { layer: new TextEncoder().encode('no gzip') });

  const { exit, stderr } = await at.callWith(
    { image: { base: 'oci:broken' } },
    ...['image', 'push', '--tag', 'v1'],
  );

  expect(exit).toBe(1);
  expect(stderr).toContain('help: docs/errors.md#image_corrupt\n');
  expect([...at.registry.manifests.keys()]).toEqual([]);
});

test('when something cannot be attached, the image is said to be there, and without what', async () => {
  await using at = await ImageTerminal.start();
  await at.trustNewKey();
  at.registry.plan(/^GET .*\/referrers\//, (_, response) => response.writeHead(403).end());

  const failed = await at.call('image', 'push');
  const tags = [...at.registry.manifests.keys()].filter((name) => name.includes('@'));
  const again = await at.call('image', 'push');

  expect(failed.exit).toBe(1);
  expect(failed.stderr).toContain('error: the image is there, without SBOM, provenance and signature: ');
  expect(failed.stderr).toContain('  hint: push again, which adds what is missing; if it fails again: ');
  expect(failed.stderr).toContain('help: docs/errors.md#image_incomplete\n');
  expect(tags).toHaveLength(3);
  expect(again.exit).toBe(0);
});

test('--verbose shows each request with its answer, and no query: it may hold the right to write', async () => {
  await using at = await ImageTerminal.start();

  const { stderr } = await at.call('image', 'push', '--verbose');

  const requests = stderr.split('\n').filter((line) => line.includes(` http://${at.registry.host}/v2/`));
  expect(requests.length).toBe(at.registry.requests.length);
  expect(requests.filter((line) => line.includes('?'))).toEqual([]);
  expect(requests[0]).toMatch(/^ +│ [A-Z]+ http:\S+ \d{3}$/);
});

test('--verbose shows the requests of every command that speaks with a registry', async () => {
  await using at = await ImageTerminal.start();
  at.terminal.environment.isMade = true;
  const reference = (await at.call('image', 'push')).stdout.trim();
  const commands = [
    ['image', 'inspect', reference],
    ['image', 'verify', reference],
    ['deploy', '--image', reference],
    ['image', 'build', '--output', 'out'],
  ];

  for (const words of commands) {
    const before = at.registry.requests.length;
    const { stderr } = await at.callWith({ image: { base: reference } }, ...words, '--verbose');

    const told = stderr.split('\n').filter((line) => line.includes(` http://${at.registry.host}/v2/`));
    expect({ words, told: told.length }).toEqual({ words, told: at.registry.requests.length - before });
    expect(told).not.toEqual([]);
  }
});
