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
    attach   SBOM of 3 components (packages in service.files: none found), provenance  0.00 s
    sign     not signed: image.trust names no key
    next     to sign it: causeway keys init · causeway deploy --image registry.example.com/team/shop@sha256:<digest>
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
    attach   SBOM of 3 components (packages in service.files: none found), provenance, there already  0.00 s
    sign     by <key>
    next     causeway image verify registry.example.com/team/shop@sha256:<digest> · then causeway deploy --image <that image>
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
  expect(stderr).toContain(
    'interrupted: nothing was published\n  next: causeway image push --config config-0.ts\n',
  );
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
  expect(stderr).toContain(`interrupted: ${left}\n  next: causeway image push --config config-0.ts\n`);
});

test('a registry that lets nobody in is named, with how to log in', async () => {
  await using at = await ImageTerminal.start({ auth: 'basic' });

  const { exit, stderr } = await at.call('image', 'push');

  expect(exit).toBe(1);
  expect(stderr).toContain(`docker login ${at.registry.host}`);
  expect(stderr).toContain('help: docs/errors.md#registry_refused\n');
});

test('a project without tests says so', async () => {
  await using at = await ImageTerminal.start();

  const { stderr } = await at.callWith({ service: { test: undefined } }, 'image', 'push');

  expect(stderr).toContain('\ntest     none: service.test is not set\n');
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
  [['127.0.0.1:15962'], 'reference_wrong'],
  [['registry.example.com'], 'reference_wrong'],
  [[`registry.example.com/shop@sha256:${'0'.repeat(64)}`], 'reference_wrong'],
  [['registry.example.com/shop:v1', '--tag', 'v2'], 'usage_wrong'],
  [['registry.example.com/shop', '--tag', 'not a tag'], 'reference_wrong'],
])('%p is nothing to push to: %s', async (words, code) => {
  await using at = await ImageTerminal.start();

  const { exit, stderr } = await at.call('image', 'push', ...words);

  expect(exit).toBe(2);
  expect(stderr).toContain(`help: docs/errors.md#${code}\n`);
});

test('a key that the config does not trust is refused before anything is built, and with --unsigned left alone', async () => {
  await using at = await ImageTerminal.start();
  const { stdout } = await at.terminal.call('keys', 'init', '--json');
  const pem = await Bun.file(JSON.parse(stdout).privateKey).text();
  const env = { CAUSEWAY_SIGNING_KEY: pem.replaceAll('\n', '\\n') };

  const refused = await at.terminal.callWithEnv(env, 'image', 'push', at.repository);
  const asked = [...at.registry.requests];
  const pushed = await at.terminal.callWithEnv(env, 'image', 'push', at.repository, '--unsigned');

  expect(refused.exit).toBe(2);
  expect(withoutPlaces(refused.stderr)).toMatchInlineSnapshot(`
    "error: CAUSEWAY_SIGNING_KEY is the key <key>, which image.trust does not name
      hint: name its public half in image.trust (keys init wrote it to keys/<key>.pub), or give the key of one that is named; causeway image push --unsigned pushes without a signature
      help: docs/errors.md#key_wrong
    "
  `);
  expect(asked).toEqual([]);
  expect(pushed.exit).toBe(0);
  expect(refused.stderr + pushed.stderr).not.toContain(pem.split('\n')[1] ?? '');
});

test('a variable that holds no key is told with how a file gets into it', async () => {
  await using at = await ImageTerminal.start();
  const env = { CAUSEWAY_SIGNING_KEY: '/home/ada/key.pem' };

  const { exit, stderr } = await at.callWith({ env }, 'image', 'push');

  expect(exit).toBe(2);
  expect(stderr).toContain('  hint: export CAUSEWAY_SIGNING_KEY="$(cat <file of the private half>)"\n');
});

test.each<Readonly<Record<string, string>>>([{}, { CAUSEWAY_SIGNING_KEY: '' }])(
  'where the config trusts keys and none signs here, with %p, nothing is pushed but with --unsigned',
  async (env) => {
    await using at = await ImageTerminal.start();
    await at.trustNewKey();
    rmSync(join(at.terminal.folder, '.config'), { recursive: true });
    const push = (...words: string[]) => at.callWith({ env }, 'image', 'push', ...words);

    const refused = await push();
    const asked = [...at.registry.requests];
    const pushed = await push('--unsigned', '--json');

    expect(refused.exit).toBe(2);
    expect(withoutPlaces(refused.stderr)).toBe(
      [
        `error: nothing signs here: the private half of <key> is not on this machine, and CAUSEWAY_SIGNING_KEY is ${'CAUSEWAY_SIGNING_KEY' in env ? 'empty' : 'not set'}`,
        '  hint: export CAUSEWAY_SIGNING_KEY="$(cat <file of the private half>)", or push where it is; causeway image push --unsigned pushes without a signature',
        '  help: docs/errors.md#key_missing\n',
      ].join('\n'),
    );
    expect(asked).toEqual([]);
    expect(imagePushResultSchema.parse(JSON.parse(pushed.stdout)).signedBy).toBeNull();
  },
);

test('where a pair of keys is there that the config does not name, that is what is missing, and no new pair', async () => {
  await using at = await ImageTerminal.start();
  const key = (await at.terminal.call('keys', 'init')).stdout.trim();

  const { stderr } = await at.call('image', 'push');

  expect(stderr).toContain(`next     to sign it: write image: { trust: ['${key}'] } in the config · `);
});

test('an image that was not signed is to be deployed where signatures are not asked for, if anywhere', async () => {
  await using at = await ImageTerminal.start();
  await at.trustNewKey();

  const signed = await at.callWith({ local: { signed: true } }, 'image', 'push');
  const unsigned = await at.callWith({ local: { signed: true } }, 'image', 'push', '--unsigned');

  expect(signed.stderr).toContain(' · then causeway deploy --image ');
  expect(unsigned.stderr).toContain('\nsign     not signed: --unsigned was given\n');
  expect(unsigned.stderr).toContain('\nnext     causeway deploy staging --image ');
});

test('while the tests still run, a terminal shows that all is sent and what is waited for', async () => {
  await using at = await ImageTerminal.start({ hasReferrers: true }, { isTerminal: true });
  const test = 'while [ ! -e sent ]; do sleep 0.01; done; echo 14 pass';
  const pushing = at.callWith({ service: { test } }, 'image', 'push', '--no-color');

  await at.terminal.said('push     5 of 5 blobs, waiting for the tests');
  at.terminal.write('sent', '');

  expect((await pushing).exit).toBe(0);
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
