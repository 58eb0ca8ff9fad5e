import { afterAll, expect, test } from 'bun:test';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorOf } from '../core/error-of.ts';
import { openBlobCache } from './blob-cache.ts';
import { makeBase } from './fake-base.ts';
import { makeImage } from './fake-image.ts';
import { makeHome } from './fake-runtime.ts';
import type { ImageEvent } from './image-event.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'causeway build ')));
afterAll(() => rmSync(root, { recursive: true }));

const { signal } = new AbortController();
const both = ['linux/amd64', 'linux/arm64'] as const;
const newFolder = () => mkdtempSync(join(root, 'project '));
const lockOf = (folder: string) => JSON.parse(readFileSync(join(folder, 'causeway.lock.json'), 'utf8'));

test('the same service on the same base is the same image, in any folder and with any cache', async () => {
  const [here, there] = [newFolder(), newFolder()];
  for (const folder of [here, there]) await makeBase(join(folder, 'base'), { platforms: both });
  const home = join(root, 'home');
  const env = await makeHome(home);

  const cold = await makeImage({ folder: here, home, env });
  const warm = await makeImage({ folder: here, home, env });
  const elsewhere = await makeImage({ folder: there, home, env });

  expect([warm.digest, elsewhere.digest]).toEqual([cold.digest, cold.digest]);
});

test('a change of the service, the platforms or the base is another image', async () => {
  const folder = newFolder();
  await makeBase(join(folder, 'base'), { platforms: both });
  await makeBase(join(folder, 'other'), { platforms: both, text: 'other' });

  const images = [
    await makeImage({ folder }),
    await makeImage({ folder, text: 'serve(2)' }),
    await makeImage({ folder, platforms: ['linux/arm64'] }),
    await makeImage({ folder, base: 'oci:other' }),
  ];

  expect(new Set(images.map(({ digest }) => digest)).size).toBe(4);
});

test('the order in which the config lists the platforms changes nothing', async () => {
  const folder = newFolder();
  await makeBase(join(folder, 'base'), { platforms: both });

  const one = await makeImage({ folder });
  const two = await makeImage({ folder, platforms: ['linux/arm64', 'linux/amd64'] });

  expect(two.digest).toBe(one.digest);
});

test('the config runs the command as nobody and tells of no time, and keeps only the variables of the base', async () => {
  const folder = newFolder();
  const digest = await makeBase(join(folder, 'base'), {
    platforms: ['linux/amd64', 'linux/arm64/v8'],
    config: {
      Env: ['PORT=1', 'LANG=C.UTF-8'],
      Entrypoint: ['/tini'],
      Cmd: ['sh'],
      StopSignal: 'SIGQUIT',
      Labels: { version: '1' },
      User: 'root',
    },
  });
  const home = join(root, 'home for config');

  const image = await makeImage({ folder, home, env: await makeHome(home) });

  const [amd64, arm64] = image.platforms;
  expect(amd64?.config).toEqual({
    architecture: 'amd64',
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      User: '65532:65532',
      WorkingDir: '/app',
      Env: [
        'PORT=8080',
        'LANG=C.UTF-8',
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'HOST=0.0.0.0',
      ],
      Cmd: ['bun', 'main.js'],
      ExposedPorts: { '8080/tcp': {} },
      Labels: { 'causeway.artifact': image.artifact, 'org.opencontainers.image.base.digest': digest },
    },
    rootfs: { type: 'layers', diff_ids: amd64?.layers.map(({ diffId }) => diffId) ?? [] },
    history: [
      { created_by: 'the test' },
      { created: '1970-01-01T00:00:00Z', created_by: 'causeway: runtime' },
      { created: '1970-01-01T00:00:00Z', created_by: 'causeway: app' },
    ],
  });
  expect(amd64?.layers.map(({ role }) => role)).toEqual(['base', 'runtime', 'app']);
  expect(amd64?.layers.at(-1)?.diffId).toBe(image.artifact);
  expect(arm64?.config.variant).toBe('v8');
  expect(arm64?.manifest.descriptor.platform).toEqual({ architecture: 'arm64', os: 'linux', variant: 'v8' });
});

test('the runtime is found where the base leaves its folder out of PATH', async () => {
  const folder = newFolder();
  await makeBase(join(folder, 'base'), { platforms: both, config: { Env: ['PATH=/bin'] } });

  const home = join(root, 'home for path');
  const env = await makeHome(home);

  const withBun = await makeImage({ folder, home, env });
  const without = await makeImage({ folder });

  expect(withBun.platforms[0]?.config.config?.Env).toContain('PATH=/usr/local/bin:/bin');
  expect(without.platforms[0]?.config.config?.Env).toContain('PATH=/bin');
});

test('a base of the types before OCI is built on, and its layers stay what they are', async () => {
  const folder = newFolder();
  await makeBase(join(folder, 'base'), { platforms: both, isDocker: true });
  await makeBase(join(folder, 'oci'), { platforms: both });

  const image = await makeImage({ folder });
  const oci = await makeImage({ folder, base: 'oci:oci' });

  const types = image.platforms.flatMap(({ layers }) => layers.map(({ descriptor }) => descriptor.mediaType));
  expect(new Set(types)).toEqual(new Set(['application/vnd.oci.image.layer.v1.tar+gzip']));
  expect(image.platforms[0]?.layers[0]?.descriptor).toEqual(oci.platforms[0]?.layers[0]?.descriptor);
});

test('the base is looked up once, and from then on is what the lock file says', async () => {
  const folder = newFolder();
  const events: ImageEvent[] = [];
  const first = await makeBase(join(folder, 'base'), { platforms: both, tag: 'stable' });
  const build = () => makeImage({ folder, base: 'oci:base:stable', emit: (event) => events.push(event) });

  const image = await build();
  await makeBase(join(folder, 'base'), { platforms: both, tag: 'stable', text: 'newer' });
  const again = await build();

  expect(again.digest).toBe(image.digest);
  expect(lockOf(folder)).toEqual({ schemaVersion: 1, bases: { 'oci:base:stable': first } });
  expect(events.filter(({ kind }) => kind === 'base-resolved')).toEqual([
    { kind: 'base-resolved', name: 'oci:base:stable', digest: first },
  ]);
});

test('a lock file that is a link stays one', async () => {
  const folder = newFolder();
  const digest = await makeBase(join(folder, 'base'), { platforms: both });
  symlinkSync('shared.json', join(folder, 'causeway.lock.json'));

  await makeImage({ folder });

  expect(readlinkSync(join(folder, 'causeway.lock.json'))).toBe('shared.json');
  expect(lockOf(folder).bases).toEqual({ 'oci:base': digest });
});

test('a base that is named by its digest needs no lock file', async () => {
  const folder = newFolder();
  const digest = await makeBase(join(folder, 'base'), { platforms: both });

  await makeImage({ folder, base: `oci:base@${digest}` });

  expect(existsSync(join(folder, 'causeway.lock.json'))).toBe(false);
});

test('another base takes the place of the one before in the lock file', async () => {
  const folder = newFolder();
  await makeBase(join(folder, 'base'), { platforms: both });
  const other = await makeBase(join(folder, 'other'), { platforms: both, text: 'other' });

  await makeImage({ folder });
  await makeImage({ folder, base: 'oci:other' });

  expect(lockOf(folder).bases).toEqual({ 'oci:other': other });
});

test('with a warm cache the base is not asked at all', async () => {
  const folder = newFolder();
  await makeBase(join(folder, 'base'), { platforms: both });
  const first = await makeImage({ folder });
  for (const { layers } of first.platforms) for (const { content } of layers) await content.open(signal);
  rmSync(join(folder, 'base'), { recursive: true });

  const second = await makeImage({ folder });
  const opened = await second.platforms[0]?.layers[0]?.content.open(signal);

  expect(second.digest).toBe(first.digest);
  expect(opened).toHaveProperty('path');
});

test('a layer of the base that two want at once is fetched once', async () => {
  const folder = newFolder();
  await makeBase(join(folder, 'base'), { platforms: both });
  const events: ImageEvent[] = [];
  const { platforms } = await makeImage({ folder, emit: (event) => events.push(event) });
  const [layer] = platforms[0]?.layers ?? [];

  const opened = await Promise.all([layer?.content.open(signal), layer?.content.open(signal)]);

  expect(opened[0]).toEqual(opened[1] ?? { path: '' });
  expect(events.filter(({ kind }) => kind === 'fetching')).toHaveLength(1);
});

test('a damaged file of the cache is made anew', async () => {
  const folder = newFolder();
  await makeBase(join(folder, 'base'), { platforms: both });
  const home = join(root, 'home for damage');
  const env = await makeHome(home);
  const cache = openBlobCache({ XDG_CACHE_HOME: join(folder, 'cache') });
  const first = await makeImage({ folder, cache, home, env });
  for (const { content } of first.platforms[0]?.layers ?? []) {
    const opened = await content.open(signal);
    if ('path' in opened) truncateSync(opened.path, 10);
  }

  const second = await makeImage({ folder, cache, home, env });
  for (const { content } of second.platforms[0]?.layers ?? []) await content.open(signal);

  expect(second.digest).toBe(first.digest);
  for (const { descriptor } of second.platforms[0]?.layers ?? []) {
    expect(await cache.find(descriptor, signal)).toBeString();
  }
});

test('a platform that the base lacks is told with those that it has', async () => {
  const folder = newFolder();
  await makeBase(join(folder, 'base'), { platforms: ['linux/amd64', 'linux/riscv64'] });
  await makeBase(join(folder, 'single'), { platforms: ['linux/arm64/v8'], isSingle: true });

  const lacking = await errorOf(makeImage({ folder }));
  const single = await errorOf(makeImage({ folder, base: 'oci:single' }));
  const fitting = await makeImage({ folder, base: 'oci:single', platforms: ['linux/arm64'] });

  expect(lacking.code).toBe('base_unusable');
  expect(lacking.message).toBe('oci:base has no image for linux/arm64; it has linux/amd64, linux/riscv64');
  expect(single.message).toBe('oci:single has no image for linux/amd64; it has linux/arm64/v8');
  expect(fitting.platforms).toHaveLength(1);
  expect(lockOf(folder).bases).not.toHaveProperty('oci:base');
});

test('a base that is not there, or no longer there, is told with what to do', async () => {
  const folder = newFolder();
  await makeBase(join(folder, 'base'), { platforms: both, tag: 'stable' });
  const gone = `sha256:${'0'.repeat(64)}`;

  const noFolder = await errorOf(makeImage({ folder, base: 'oci:nowhere' }));
  const noTag = await errorOf(makeImage({ folder, base: 'oci:base:edge' }));
  writeFileSync(
    join(folder, 'causeway.lock.json'),
    JSON.stringify({ schemaVersion: 1, bases: { 'oci:base:stable': gone } }),
  );
  const noDigest = await errorOf(makeImage({ folder, base: 'oci:base:stable' }));

  expect(noFolder.message).toBe(`there is no OCI layout in ${join(folder, 'nowhere')}: it is not there`);
  expect(noTag.message).toBe('there is no image oci:base:edge');
  expect(noDigest.message).toBe(`oci:base:stable has no ${gone} any more`);
  expect(noDigest.hint).toContain('causeway.lock.json');
});

test.each([
  ['is not JSON', '<<<<<<< HEAD\n', /causeway\.lock\.json is not JSON$/],
  ['has another shape', '{"schemaVersion":2,"bases":{}}', /causeway\.lock\.json: schemaVersion: /],
  [
    'has no digest',
    '{"schemaVersion":1,"bases":{"oci:base":"latest"}}',
    /causeway\.lock\.json: bases\.oci:base: /,
  ],
])('a lock file that %s is refused', async (_, text, message) => {
  const folder = newFolder();
  await makeBase(join(folder, 'base'), { platforms: both });
  writeFileSync(join(folder, 'causeway.lock.json'), text);

  const error = await errorOf(makeImage({ folder }));

  expect(error.code).toBe('lock_wrong');
  expect(error.message).toMatch(message);
});
