import { expect, test } from 'bun:test';
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

  expect(withoutPlaces(stderr)).toContain('sign     by <key>, a key that image.trust does not name\n');
  expect(stderr).not.toContain(pem.split('\n')[1] ?? '');
});

test('--verbose shows each request with its answer, and no query: it may hold the right to write', async () => {
  await using at = await ImageTerminal.start();

  const { stderr } = await at.call('image', 'push', '--verbose');

  const requests = stderr.split('\n').filter((line) => line.includes(` http://${at.registry.host}/v2/`));
  expect(requests.length).toBe(at.registry.requests.length);
  expect(requests.filter((line) => line.includes('?'))).toEqual([]);
  expect(requests[0]).toMatch(/^ +│ [A-Z]+ http:\S+ \d{3}$/);
});
