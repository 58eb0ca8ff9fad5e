import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ErrorCode } from '../../src/core/errors.ts';
import { type Index, indexSchema } from '../../src/image/oci.ts';
import { findFreePort } from '../../src/local/free-port.ts';
import type { Ended, Project } from '../local/project.ts';
import { mustEnd } from '../local/project.ts';
import { composeBase } from './base.ts';
import { cached } from './cache-folder.ts';
import { type Fault, type FaultProxy, missingBelow, startFaultProxy } from './fault-proxy.ts';
import { have } from './have.ts';
import { logIn, makeImageProject, noisyService } from './image-project.ts';
import { type Account, findRegistry, type Registry, startRegistry } from './registry.ts';
import { asRoot, mayBeRoot, mustRun } from './run-program.ts';

setDefaultTimeout(60_000);

const registryPrograms = await have('docker-registry', findRegistry);
const mount = await have('a full disk', async () => {
  if (!(await mayBeRoot())) throw new Error('only root can mount one');
  return asRoot(['mount', '-t', 'tmpfs', '-o', 'size=16k,mode=777', 'tmpfs']);
});

interface Expected {
  readonly code: ErrorCode;
  readonly message: string | RegExp;
  readonly hint?: string | RegExp;
  readonly exit?: number;
}

function expectError(ended: Ended, { code, message, hint = /\S/, exit = 1 }: Expected): void {
  const { error } = ended.json();
  expect({ exit: ended.exitCode, code: error?.code }, ended.stderr).toEqual({ exit, code });
  if (typeof message === 'string') expect(error?.message).toContain(message);
  else expect(error?.message).toMatch(message);
  if (typeof hint === 'string') expect(error?.hint).toContain(hint);
  else expect(error?.hint).toMatch(hint);
  expect(`${ended.stdout}${ended.stderr}`).not.toContain('    at ');
}

if (registryPrograms) {
  describe('a push to a registry', () => {
    let registry: Registry;
    let proxy: FaultProxy;
    let project: Project;
    let fault: ((request: { method: string; path: string }) => Fault | undefined) | undefined;

    beforeAll(async () => {
      registry = await startRegistry(registryPrograms);
      proxy = await startFaultProxy({ registry: registry.host, choose: (request) => fault?.(request) });
      project = await makeImageProject({ service: noisyService, image: { runtime: 'none' } });
      project.write('noise', 'none\n');
    });

    afterEach(async () => {
      fault = undefined;
      const response = await registry.ask('/v2/bad/tags/list');
      const { tags } = (response.ok ? await response.json() : { tags: [] }) as {
        tags: readonly string[] | null;
      };
      for (const tag of tags ?? []) expect(await missingBelow(registry.host, 'bad', tag)).toEqual([]);
      expect(proxy.early).toEqual([]);
    });

    afterAll(async () => {
      await project?.[Symbol.asyncDispose]();
      await proxy?.[Symbol.asyncDispose]();
      await registry?.[Symbol.asyncDispose]();
    });

    test('that is away names it, after several tries', async () => {
      const host = `127.0.0.1:${findFreePort()}`;

      const ended = await project.causeway('image', 'push', `${host}/bad`, '--json');

      expectError(ended, { code: 'registry_unreachable', message: host });
    });

    for (const status of [401, 403]) {
      test(`that answers ${status} is refused, with how to log in`, async () => {
        fault = ({ method }) => (method === 'POST' ? { kind: 'status', status } : undefined);

        const ended = await push('bad');

        expectError(ended, {
          code: 'registry_refused',
          message: `${status}`,
          hint: `docker login ${proxy.host}`,
        });
        expect(await tags('bad')).toEqual([]);
      });
    }

    test('that asks to wait for longer than a minute says so at once', async () => {
      fault = () => ({ kind: 'status', status: 429, headers: { 'retry-after': '3600' } });

      const ended = await push('bad');

      expectError(ended, { code: 'registry_unreachable', message: /429|3600|hour|1 h|60 min/ });
    });

    test('that answers 429 once with Retry-After goes through', async () => {
      let count = 0;
      fault = () =>
        ++count === 1 ? { kind: 'status', status: 429, headers: { 'retry-after': '0' } } : undefined;

      expect((await push('patient')).exitCode).toBe(0);
    });

    test('that answers 500 to everything names what it answered', async () => {
      fault = () => ({ kind: 'status', status: 500 });

      expectError(await push('bad'), { code: 'registry_unreachable', message: '500' });
    });

    test('that cuts every upload in the middle publishes nothing', async () => {
      fault = ({ method, path }) =>
        ['PUT', 'PATCH'].includes(method) && path.includes('/blobs/uploads/')
          ? { kind: 'cut-request', afterBytes: 10 }
          : undefined;

      expectError(await push('bad'), { code: 'registry_unreachable', message: proxy.host });
      expect(await tags('bad')).toEqual([]);
    });

    test('of which the tests fail publishes nothing', async () => {
      project.configure({ service: { test: 'echo 1 of 2 failed; exit 1' } });

      const ended = await push('tested');
      project.configure({ service: { test: 'true' } });

      expectError(ended, { code: 'test_failed', message: 'exit code 1' });
      expect(await tags('tested')).toEqual([]);
    });

    test('that is no registry’s name, or has a digest, is wrong usage', async () => {
      const wrong = await project.causeway('image', 'push', 'No Such/Name', '--json');
      const none = await project.causeway('image', 'push', '--json');

      expectError(wrong, { code: 'reference_wrong', message: 'No Such/Name', exit: 2 });
      expectError(none, { code: 'usage_wrong', message: 'repository', exit: 2 });
    });

    test('that sends blobs away to another host gives that host no credentials', async () => {
      await using guarded = await startRegistry(registryPrograms, account);
      await using stranger = await makeImageProject({ service: noisyService, image: { runtime: 'none' } });
      stranger.write('noise', 'none\n');
      logIn(stranger, guarded.host, account);
      const { reference = '' } = (
        await mustEnd(stranger.causeway('image', 'push', `${guarded.host}/shop`, '--json'))
      ).json();
      const seen: (string | null)[] = [];
      using storage = Bun.serve({
        hostname: '127.0.0.1',
        port: 0,
        async fetch(request) {
          seen.push(request.headers.get('authorization'));
          return guarded.ask(new URL(request.url).pathname);
        },
      });
      await using between = await startFaultProxy({
        registry: guarded.host,
        choose: ({ method, path }) =>
          method === 'GET' && path.includes('/blobs/')
            ? {
                kind: 'status',
                status: 307,
                headers: { location: `http://localhost:${storage.port}${path}` },
              }
            : undefined,
      });
      logIn(stranger, between.host, account);

      const verified = await stranger.causeway(
        'image',
        'verify',
        reference.replace(guarded.host, between.host),
        '--json',
      );

      expect(verified.json().claims?.find(({ name }) => name === 'layers')?.isGood).toBe(true);
      expect(seen.length).toBeGreaterThan(0);
      expect(seen.filter((authorization) => authorization !== null)).toEqual([]);
    });

    test('from which something else comes than its digest says is not believed', async () => {
      const { image = '' } = (await mustEnd(push('lies'))).json();
      using liar = Bun.serve({
        hostname: '127.0.0.1',
        port: 0,
        async fetch(request) {
          const { pathname } = new URL(request.url);
          const accept = request.headers.get('accept') ?? '*/*';
          const response = await registry.ask(pathname, { headers: { accept } });
          const headers = new Headers(response.headers);
          const text = (await response.text()).replace('linux', 'linus');
          return new Response(text, { status: response.status, headers });
        },
      });

      const inspected = await project.causeway(
        'image',
        'inspect',
        `127.0.0.1:${liar.port}/lies@${image}`,
        '--json',
      );

      expectError(inspected, { code: 'image_corrupt', message: image });
    });

    test('is deployed by digest, never by tag', async () => {
      const { image = '' } = (await mustEnd(push('tagged', '--tag', 'v1'))).json();

      const verified = await project.causeway('image', 'verify', `${proxy.host}/tagged:v1`, '--json');
      const missing = await project.causeway('image', 'verify', `${proxy.host}/tagged:v2`, '--json');

      expectError(verified, { code: 'reference_wrong', message: 'tagged:v1', hint: image, exit: 2 });
      expectError(missing, { code: 'image_not_found', message: 'v2' });
    });

    async function push(repository: string, ...more: readonly string[]): Promise<Ended> {
      return project.causeway('image', 'push', `${proxy.host}/${repository}`, ...more, '--json');
    }

    async function tags(repository: string): Promise<readonly string[]> {
      const response = await registry.ask(`/v2/${repository}/tags/list`);
      return response.ok ? (((await response.json()) as { tags: string[] | null }).tags ?? []) : [];
    }
  });
}

const account: Account = { username: 'marie', password: 'a password of hers' };

describe('a base', () => {
  for (const { title, image, code, message, hint } of [
    {
      title: 'that has no image for a wanted platform',
      image: async () => ({
        base: `oci:${await amd64Base()}:base`,
        platforms: ['linux/amd64', 'linux/arm64'],
      }),
      code: 'base_unusable',
      message: /linux\/arm64.*linux\/amd64/,
      hint: 'image.platforms',
    },
    {
      title: 'whose folder is not there',
      image: async () => ({ base: 'oci:./nowhere' }),
      code: 'image_not_found',
      message: 'nowhere',
      hint: /\S/,
    },
    {
      title: 'whose name is not one',
      image: async () => ({ base: 'Not A Name' }),
      code: 'reference_wrong',
      message: 'Not A Name',
      hint: /\S/,
    },
  ] as const) {
    test(`${title} is named, and nothing is written`, async () => {
      await using project = await makeImageProject({ service: noisyService });
      project.write('noise', 'none\n');
      project.configure({ image: { runtime: 'none', ...(await image()) } as never });

      const ended = await project.causeway('image', 'build', '--output', 'out', '--json');

      expectError(ended, { code, message, hint, exit: code === 'reference_wrong' ? 2 : 1 });
      expect(existsSync(join(project.folder, 'out', 'index.json'))).toBe(false);
      expect(existsSync(join(project.folder, 'causeway.lock.json'))).toBe(false);
    });
  }

  test('of which the lock file is broken is named with the file', async () => {
    await using project = await makeImageProject({ service: noisyService, image: { runtime: 'none' } });
    project.write('noise', 'none\n');
    project.write('causeway.lock.json', '{ "schemaVersion": 1, "bases": { "a": "latest" } }');

    const ended = await project.causeway('image', 'build', '--json');

    expectError(ended, { code: 'lock_wrong', message: 'causeway.lock.json', exit: 2 });
  });
});

describe('a layout', () => {
  for (const [title, spoil] of [
    ['without its index', (folder: string) => rmSync(join(folder, 'index.json'))],
    ['whose index is cut off', (folder: string) => truncateSync(join(folder, 'index.json'), 20)],
    [
      'of which the image’s index is cut off',
      (folder: string) => truncateSync(blobIn(folder, indexOf(folder).manifests[0]?.digest ?? ''), 10),
    ],
  ] as const) {
    test(`${title} is corrupt, and its file is named`, async () => {
      await using project = await makeImageProject({ service: noisyService, image: { runtime: 'none' } });
      project.write('noise', 'none\n');
      await mustEnd(project.causeway('image', 'build', '--output', 'out'));
      spoil(join(project.folder, 'out'));

      const ended = await project.causeway('image', 'inspect', './out', '--json');

      expectError(ended, { code: 'image_corrupt', message: /index\.json|sha256/ });
    });
  }

  test('that is a folder of something else is corrupt, and not found where there is none', async () => {
    await using project = await makeImageProject();

    const other = await project.causeway('image', 'inspect', '.', '--json');
    const none = await project.causeway('image', 'inspect', './nowhere', '--json');

    expect(['image_corrupt', 'image_not_found']).toContain(other.json().error?.code ?? '');
    expectError(none, { code: 'image_not_found', message: 'nowhere' });
  });
});

describe('a place to write to', () => {
  for (const what of ['out', 'out.tar', 'the cache'] as const) {
    test.skipIf(!mount)(`that is full is named, and no image is left there: ${what}`, async () => {
      await using project = await makeImageProject({ service: noisyService, image: { runtime: 'none' } });
      writeFileSync(join(project.folder, 'noise'), crypto.getRandomValues(new Uint8Array(60_000)));
      const full = join(project.base, 'full');
      mkdirSync(full);
      await mustRun([...(mount ?? []), full]);
      try {
        if (what === 'the cache') project.env.XDG_CACHE_HOME = full;
        const output = what === 'the cache' ? 'out' : join(full, what);

        const ended = await project.causeway('image', 'build', '--output', output, '--json');

        expectError(ended, { code: 'image_not_writable', message: /\/full\/.*(space|full)/ });
        const layout = join(full, 'out');
        expect(existsSync(join(layout, 'index.json')) ? indexOf(layout).manifests : []).toEqual([]);
        expect(existsSync(join(full, 'out.tar'))).toBe(false);
      } finally {
        await mustRun(asRoot(['umount', full]));
      }
    });
  }

  for (const what of ['out', 'out.tar', 'the cache'] as const) {
    test(`that may not be written to is named: ${what}`, async () => {
      await using project = await makeImageProject({ service: noisyService, image: { runtime: 'none' } });
      project.write('noise', 'none\n');
      // Root may write anywhere but below a file.
      const place = join(project.base, 'a file');
      writeFileSync(place, '');
      chmodSync(place, 0o444);
      if (what === 'the cache') project.env.XDG_CACHE_HOME = place;
      const output = what === 'the cache' ? 'out' : join(place, what);

      const ended = await project.causeway('image', 'build', '--output', output, '--json');

      expectError(ended, { code: 'image_not_writable', message: 'a file' });
      expect(readFileSync(place, 'utf8')).toBe('');
    });
  }
});

/** The base of one platform alone, as many are. */
async function amd64Base(): Promise<string> {
  const whole = await composeBase();
  return cached(`${basename(whole)}-amd64`, async (folder) => {
    await mustRun(['cp', '-r', join(whole, 'blobs'), join(whole, 'oci-layout'), folder]);
    const [index] = indexOf(whole).manifests;
    const inner = indexSchema.parse(JSON.parse(readFileSync(blobIn(whole, index?.digest ?? ''), 'utf8')));
    const annotations = { 'org.opencontainers.image.ref.name': 'base' };
    const manifests = inner.manifests.slice(0, 1).map((manifest) => ({ ...manifest, annotations }));
    writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  });
}

function blobIn(folder: string, digest: string): string {
  return join(folder, 'blobs', 'sha256', digest.slice('sha256:'.length));
}

function indexOf(folder: string): Index {
  return indexSchema.parse(JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')));
}
