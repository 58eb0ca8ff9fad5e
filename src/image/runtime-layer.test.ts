import { afterAll, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpackTar } from 'modern-tar';
import { openBlobCache } from './blob-cache.ts';
import { sha256 } from './digest.ts';
import { makeHome } from './fake-runtime.ts';
import { decompress } from './gzip.ts';
import type { ImageEvent } from './image-event.ts';
import { runtimeLayer } from './runtime-layer.ts';
import { runtimePackage } from './runtime-package.ts';
import { readAll } from './stream.ts';
import { readFrom } from './write-file.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'causeway runtime ')));
afterAll(() => rmSync(root, { recursive: true }));

let folders = 0;

async function prepare(options: Parameters<typeof makeHome>[1] = {}) {
  const home = join(root, String(folders++));
  const env = await makeHome(home, options);
  const events: ImageEvent[] = [];
  const request = {
    platform: 'linux/amd64',
    home,
    cache: openBlobCache({ XDG_CACHE_HOME: join(home, 'cache') }),
    env,
    emit: (event: ImageEvent) => events.push(event),
    signal: new AbortController().signal,
  } as const;
  return { home, events, request };
}

test("the runtime is the package's binary alone, for everyone to run, with no time", async () => {
  const { request } = await prepare();

  const { descriptor, diffId, content, role } = await runtimeLayer(request);
  const opened = await content.open(request.signal);
  const path = 'path' in opened ? opened.path : '';
  const tar = await readAll(decompress(readFrom(path), descriptor.mediaType, 'it'), 'it');
  const entries = await unpackTar(tar, { strict: true });

  expect(role).toBe('runtime');
  expect(sha256(tar)).toBe(diffId);
  expect(
    entries.map(({ header }) => [header.name, header.mode, header.uid, header.mtime?.getTime()]),
  ).toEqual([['usr/local/bin/bun', 0o755, 0, 0]]);
  expect(new TextDecoder().decode(entries[0]?.data)).toBe('#!/bin/sh\n# @oven/bun-linux-x64\n');
});

test('a second build reads a note, and asks npm for nothing', async () => {
  const { home, events, request } = await prepare();

  const first = await runtimeLayer(request);
  const second = await runtimeLayer(request);

  expect(second.descriptor).toEqual(first.descriptor);
  expect(events.map(({ kind }) => kind)).toEqual(['packing', 'fetching']);
  expect(readFileSync(join(home, 'calls'), 'utf8').trim().split('\n')).toHaveLength(1);
});

test('each platform has its own package', async () => {
  const { request } = await prepare();

  const amd64 = await runtimeLayer(request);
  const arm64 = await runtimeLayer({ ...request, platform: 'linux/arm64' });

  expect(arm64.diffId).not.toBe(amd64.diffId);
  expect(await runtimePackage('linux/arm64', request.home)).toMatchObject({
    name: '@oven/bun-linux-aarch64',
    version: '1.0.0',
  });
});

test('a package that is not the one of the lockfile is refused, and nothing of it is kept', async () => {
  const { request } = await prepare({ npm: 'echo other >"$to/$name"; echo "$name"' });

  const making = runtimeLayer(request);

  await expect(making).rejects.toMatchObject({ code: 'runtime_missing' });
  await expect(making).rejects.toThrow(
    /^@oven\/bun-linux-x64@1\.0\.0 came with the digest sha512-\S+, and package-lock\.json says sha512-/,
  );
  expect(existsSync(join(request.cache.folder, 'notes'))).toBe(false);
});

test('what npm says is told when it brings nothing', async () => {
  const { request } = await prepare({ npm: 'echo "npm error code E404" >&2; exit 1' });

  await expect(runtimeLayer(request)).rejects.toMatchObject({
    code: 'runtime_missing',
    message: 'npm pack @oven/bun-linux-x64@1.0.0 brought nothing and ended with exit code 1',
    details: 'npm error code E404',
  });
});

test('npm that does not end is stopped, with all that it started', async () => {
  const { home, request } = await prepare({
    npm: 'sleep 600 & echo $! >"$home/child"; echo "waiting for the registry" >&2; touch "$home/waits"; wait',
  });

  const late = new AbortController();

  const making = runtimeLayer({ ...request, deadline: late.signal });
  making.catch(() => undefined);
  while (!existsSync(join(home, 'waits'))) await Bun.sleep(5);
  late.abort();

  await expect(making).rejects.toMatchObject({
    code: 'runtime_missing',
    message: 'npm pack @oven/bun-linux-x64@1.0.0 did not end in time and was stopped',
    details: 'waiting for the registry',
  });
  const child = Number(readFileSync(join(home, 'child'), 'utf8'));
  expect(await hasEnded(child)).toBe(true);
});

test('npm does not get the private key', async () => {
  const { home, request } = await prepare({
    npm: 'env >"$home/env"; cp "$home/tarballs/$name" "$to/$name"; echo "$name"',
  });
  const env = { ...request.env, CAUSEWAY_SIGNING_KEY: 'secret', npm_config_registry: 'kept' };

  await runtimeLayer({ ...request, env });

  const seen = readFileSync(join(home, 'env'), 'utf8');
  expect(seen).toContain('npm_config_registry=kept');
  expect(seen).not.toContain('secret');
});

test('a machine without npm is told what is missing', async () => {
  const { request } = await prepare();

  await expect(runtimeLayer({ ...request, env: { PATH: root } })).rejects.toMatchObject({
    code: 'runtime_missing',
    message: 'npm is not on the PATH, and brings the runtime',
  });
});

test('a lockfile that does not name the runtime is refused', async () => {
  const { home, request } = await prepare();
  writeFileSync(join(home, 'package-lock.json'), '{"packages":{}}');

  await expect(runtimeLayer(request)).rejects.toThrow(/does not say which @oven\/bun-linux-x64 is meant$/);
});

test("Causeway's own lockfile names the runtime of each platform", async () => {
  const home = join(import.meta.dir, '..', '..');

  for (const platform of ['linux/amd64', 'linux/arm64'] as const) {
    expect((await runtimePackage(platform, home)).version).toBe(Bun.version);
  }
});

/** It is gone, or is dead and waits for whoever adopted it. */
async function hasEnded(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat === undefined || / [ZX] /.test(stat);
}
