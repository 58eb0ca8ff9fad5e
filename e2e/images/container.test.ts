import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Load } from '../../src/load/load.ts';
import { presets } from '../../src/load/shape.ts';
import { isFree } from '../../src/local/free-port.ts';
import { mustEnd, type Project, until } from '../local/project.ts';
import { composeBase } from './base.ts';
import { type Clone, makeClone } from './clone.ts';
import { type Engine, findEngine, startEngine } from './engine.ts';
import { have } from './have.ts';
import { makeImageProject, makeTrusted } from './image-project.ts';
import { findRegistry, startRegistry } from './registry.ts';
import { askContract } from './run-container.ts';

setDefaultTimeout(120_000);

const enginePrograms = await have('the engine', findEngine);
const registryPrograms = await have('docker-registry', findRegistry);

if (enginePrograms) {
  describe('up container, in a fresh clone', () => {
    let engine: Engine;
    let clone: Clone;

    beforeAll(async () => {
      engine = await startEngine(enginePrograms);
      clone = await makeClone({
        name: 'a clone',
        image: `{ base: 'oci:${await composeBase()}:base' }`,
        umask: '022',
        env: { DOCKER_HOST: engine.dockerHost, XDG_CACHE_HOME: userCache() },
      });
    });

    afterAll(async () => {
      await clone?.[Symbol.asyncDispose]();
      await engine?.[Symbol.asyncDispose]();
    });

    test('tests the service, builds its image and serves the contract from containers', async () => {
      const { exitCode, stdout, stderr } = await clone.causeway('up', 'container');

      expect(exitCode, stderr).toBe(0);
      expect(stdout).toContain(`http://127.0.0.1:${clone.port}`);
      expect(stderr).toMatch(/^test +\d+ passed/m);
      expect(stderr).toMatch(/^verdict +good$/m);
      await askContract(`http://127.0.0.1:${clone.port}/`);
    });

    test('runs each replica without rights, and publishes it on loopback alone', async () => {
      const found = await containersOf(engine);

      expect(found).toHaveLength(2);
      for (const { Id } of found) {
        const { Config, HostConfig, NetworkSettings } = await inspect(engine, Id);
        expect(Config.User).toBe('65532:65532');
        expect(HostConfig).toMatchObject({
          ReadonlyRootfs: true,
          CapDrop: ['ALL'],
          SecurityOpt: [expect.stringMatching(/^no-new-privileges/)],
        });
        const published = Object.values(NetworkSettings.Ports ?? {}).flatMap((bindings) => bindings ?? []);
        expect(published.map(({ HostIp }) => HostIp)).toEqual(['127.0.0.1']);
      }
    });

    test('once more changes nothing', async () => {
      const before = (await containersOf(engine)).map(({ Id }) => Id).sort();

      const { exitCode, stderr } = await clone.causeway('up', 'container');

      expect(exitCode, stderr).toBe(0);
      expect(stderr).toMatch(/serves already, nothing to change/);
      expect((await containersOf(engine)).map(({ Id }) => Id).sort()).toEqual(before);
    });

    test('is taken away by down: no container and no image is left, and the receipt says so', async () => {
      const { exitCode, stdout, stderr } = await clone.causeway('down', 'container', '--json');

      expect(exitCode, stderr).toBe(0);
      const { items } = JSON.parse(stdout) as { items: readonly { what: string; isGone: boolean }[] };
      expect(items.filter(({ isGone }) => !isGone)).toEqual([]);
      expect(items.map(({ what }) => what)).toEqual(
        expect.arrayContaining([expect.stringMatching(/^2 containers?$/), expect.stringMatching(/image/)]),
      );
      expect(await containersOf(engine)).toEqual([]);
      expect(await imagesOf(engine)).toEqual([]);
      expect(isFree(clone.port)).toBe(true);
    });
  });

  describe('replicas as containers, under a load that never stops', () => {
    let engine: Engine;
    let project: Project;
    let load: Load;
    let first: string | undefined;
    let second: string | undefined;

    beforeAll(async () => {
      engine = await startEngine(enginePrograms);
      project = await makeImageProject({
        environment: { runner: 'container', bake: '800ms', deadlines: { start: '10s' } },
      });
      project.env.DOCKER_HOST = engine.dockerHost;
      first = (await mustEnd(project.causeway('up', '--json'))).json().serves;
      load = project.load(presets.plain());
    });

    afterAll(async () => {
      await project?.[Symbol.asyncDispose]();
      await engine?.[Symbol.asyncDispose]();
    });

    test('another good release replaces the first', async () => {
      project.use('good.ts', { mark: 'two' });

      const ended = await mustEnd(project.causeway('deploy', '--json'));

      second = ended.json().serves;
      expect(ended.json().record?.traffic.lost).toBe(0);
      expect(second).not.toBe(first);
      expect(JSON.parse((await project.ask()).body).mark).toBe('two');
    });

    const bad = [
      ['crash-at-start.ts', 'crashed'],
      ['error-on-declared-path.ts', 'declared-path'],
      ['all-errors-under-traffic.ts', 'errors'],
      // killed-under-traffic.ts is not here: as the first process of a container it cannot kill itself.
      ['crash-under-traffic.ts', 'crashed'],
    ] as const;
    for (const [fixture, cause] of bad) {
      test(`${fixture} is taken back as ${cause}, and the stable release serves on`, async () => {
        project.use(fixture);

        const ended = await mustEnd(project.causeway('deploy', '--json'), 3);

        const { record, serves } = ended.json();
        expect(record?.verdict).toMatchObject({ kind: 'failed', cause });
        expect(record?.traffic.lost).toBe(0);
        expect(serves).toBe(second);
        expect((await project.ask()).status).toBe(200);
      });
    }

    test('the exit code and the output of what crashed are kept as evidence', async () => {
      project.use('crash-at-start.ts');

      const { record } = (await mustEnd(project.causeway('deploy', '--json'), 3)).json();

      const evidence = record?.verdict.kind === 'failed' ? record.verdict.evidence : undefined;
      expect(evidence).toMatchObject({
        exit: 'exit code 1',
        lines: expect.arrayContaining([expect.stringContaining('fatal: cannot parse DATABASE_URL')]),
      });
    });

    test('rollback brings the first release back, without a build', async () => {
      const ended = await mustEnd(project.causeway('rollback', '--json'));

      expect(ended.json().serves).toBe(first);
      expect(JSON.parse((await project.ask()).body).mark).toBe('one');
    });

    test('no request was lost, and each error was put to a bad release', async () => {
      const { causes } = await load.stop();

      const { 'other-5xx': _, ...others } = causes;
      // A request that was in flight in a replica which was killed is cut; it is put to that release.
      const { '502': __, cut: ___, ...lost } = others;
      expect(Object.entries(lost).filter(([, count]) => count > 0)).toEqual([]);
    });

    test('a killed supervisor is started again, serves, and leaves no container behind', async () => {
      for (const pid of project.processes().supervisors) process.kill(pid, 'SIGKILL');
      await until('it serves again', async () => {
        const answer = await project.ask().catch(() => undefined);
        return answer?.status === 200;
      });

      const status = await mustEnd(project.causeway('status', '--json'));

      expect(status.json().stable).toMatchObject({ release: first });
      await until('two containers run', async () => (await containersOf(engine)).length === 2);
    });

    test('a container that is killed from outside is replaced, and stays in the count', async () => {
      const [victim] = await containersOf(engine);

      await engine.ask(`/containers/${victim?.Id}/kill`, { method: 'POST' });

      await until('two others are ready', async () => {
        const { state, running = [] } = (await project.causeway('status', '--json')).json();
        const ids = (await containersOf(engine)).map(({ Id }) => Id);
        const ready = running.filter(({ phase }) => phase === 'ready');
        return state === 'serving' && ready.length === 2 && !ids.includes(victim?.Id ?? '');
      });
    });

    test('a change to processes is a rollout like any other, and so is the one back', async () => {
      project.use('good.ts', { mark: 'a process' });
      project.configure({ environment: { runner: 'process' } });
      const processes = await mustEnd(project.causeway('up', '--json'));
      const answered = (await project.ask()).status;
      const left = await containersOf(engine);
      const back = await mustEnd(project.causeway('rollback', '--json'));

      expect(processes.json().outcome).toBe('good');
      expect(answered).toBe(200);
      expect(left).toEqual([]);
      expect(back.json().serves).toBe(first);
      expect((await containersOf(engine)).length).toBe(2);
    });

    const damages: readonly (readonly [string, (blob: string) => void])[] = [
      ['damaged', (blob) => writeFileSync(blob, 'damaged')],
      ['incomplete', (blob) => rmSync(blob)],
    ];
    for (const [damage, spoil] of damages) {
      test(`an image whose stored copy is ${damage} is stored anew by the command that meets it`, async () => {
        project.configure({ environment: { runner: 'container' } });
        await mustEnd(project.causeway('up'));
        await mustEnd(project.causeway('down'));
        for (const blob of storedLayers(project)) spoil(blob);

        const ended = await mustEnd(project.causeway('up', '--json'));

        expect(ended.json().outcome).toBe('good');
        expect((await containersOf(engine)).length).toBe(2);
      });
    }

    test('an image that runs as root is refused, and what serves is left alone', async () => {
      const before = (await project.causeway('status', '--json')).json().stable;

      const ended = await project.causeway('deploy', '--image', await asRootImage(project), '--json');

      expect(ended.exitCode).toBe(1);
      expect(ended.json().error).toMatchObject({
        code: 'preflight_failed',
        message: expect.stringContaining('runs as root: it names no user'),
      });
      expect((await project.causeway('status', '--json')).json().stable).toEqual(before);
    });

    test('down leaves neither container nor image nor process', async () => {
      const ended = await mustEnd(project.causeway('down', '--json'));

      expect(ended.json().items?.filter(({ isGone }) => !isGone)).toEqual([]);
      expect([await containersOf(engine), await imagesOf(engine), project.strays()]).toEqual([[], [], []]);
    });
  });

  test('an image that is pushed and signed is deployed by its digest where signatures are asked for', async () => {
    if (!registryPrograms) return;
    await using registry = await startRegistry(registryPrograms);
    await using engine = await startEngine(enginePrograms);
    await using project = await makeImageProject();
    project.env.DOCKER_HOST = engine.dockerHost;
    await makeTrusted(project);
    project.configure({ environment: { runner: 'container', bake: '0s' } });
    await mustEnd(project.causeway('up'));
    project.configure({ environment: { signed: true } });
    project.use('good.ts', { mark: 'pushed' });
    const { reference = '', image } = (
      await mustEnd(project.causeway('image', 'push', `${registry.host}/shop`, '--tag', 'v2', '--json'))
    ).json();

    const byTag = await project.causeway('deploy', '--image', `${registry.host}/shop:v2`, '--json');
    const unsigned = await project.causeway('deploy', '--json');
    const ended = await mustEnd(project.causeway('deploy', '--image', reference, '--json'));

    expect(byTag.json().error).toMatchObject({
      code: 'reference_wrong',
      hint: expect.stringContaining(`${image}`),
    });
    expect(unsigned.json().error?.code).toBe('image_unverified');
    expect(ended.json().outcome).toBe('good');
    expect(ended.json().record?.signedBy).toHaveLength(1);
    expect(JSON.parse((await project.ask()).body).mark).toBe('pushed');

    const back = await project.causeway('rollback', '--json');

    expect(back.json().error?.message).toEndWith('was not signed when it was rolled out');
    expect(JSON.parse((await project.ask()).body).mark).toBe('pushed');
  });
}

describe('without an engine', () => {
  test('up container says which socket was tried and how to mend it, and nothing is built or left', async () => {
    await using project = await makeImageProject({
      service: { test: 'touch tested' },
      environment: { runner: 'container' },
    });

    const ended = await project.causeway('up', '--json');

    expect(ended.exitCode).toBe(1);
    expect(ended.json().error).toMatchObject({
      code: 'engine_missing',
      message: expect.stringContaining('no-engine.sock'),
      hint: expect.stringMatching(/\S/),
    });
    expect(await Bun.file(join(project.folder, 'tested')).exists()).toBe(false);
    expect(project.strays()).toEqual([]);
  });

  test('doctor finds that it is missing', async () => {
    await using project = await makeImageProject({ environment: { runner: 'container' } });

    const ended = await project.causeway('doctor');

    expect(ended.exitCode).toBe(1);
    expect(`${ended.stdout}${ended.stderr}`).toContain('no-engine.sock');
  });
});

/** The base once more, without a user. */
async function asRootImage({ base }: Project): Promise<string> {
  const folder = join(base, 'as root');
  cpSync(await composeBase(), folder, { recursive: true });
  const pathOf = (digest: string) => join(folder, 'blobs', 'sha256', digest.replace('sha256:', ''));
  const read = (digest: string) => JSON.parse(readFileSync(pathOf(digest), 'utf8'));
  const write = (descriptor: object, content: object) => {
    const text = JSON.stringify(content);
    const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
    writeFileSync(pathOf(digest), text);
    return { ...descriptor, digest, size: text.length };
  };
  const layout = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
  const index = read(layout.manifests[0].digest);
  const manifests = index.manifests.map((descriptor: { readonly digest: string }) => {
    const manifest = read(descriptor.digest);
    const config = read(manifest.config.digest);
    const rootConfig = write(manifest.config, { ...config, config: { ...config.config, User: '' } });
    return write(descriptor, { ...manifest, config: rootConfig });
  });
  const rootIndex = write(layout.manifests[0], { ...index, manifests });
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ ...layout, manifests: [rootIndex] }));
  return `oci:${folder}`;
}

/** The large ones of the images that its environments keep. */
function storedLayers({ base }: Project): readonly string[] {
  const blobs = new Bun.Glob('**/images/*/blobs/sha256/*').scanSync({ cwd: base, absolute: true });
  return [...blobs].filter((blob) => statSync(blob).size > 1_000_000);
}

interface Inspected {
  readonly Config: { readonly User: string };
  readonly HostConfig: object;
  readonly NetworkSettings: {
    readonly Ports?: Readonly<Record<string, readonly { readonly HostIp: string }[] | null>>;
  };
}

function userCache(): string {
  return process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? '', '.cache');
}

async function containersOf(engine: Engine): Promise<readonly { readonly Id: string }[]> {
  return (await engine.ask('/containers/json?all=1')).json() as Promise<readonly { readonly Id: string }[]>;
}

async function imagesOf(engine: Engine): Promise<readonly { readonly RepoTags: readonly string[] | null }[]> {
  return (await engine.ask('/images/json')).json() as Promise<
    readonly { RepoTags: readonly string[] | null }[]
  >;
}

async function inspect(engine: Engine, id: string): Promise<Inspected> {
  return (await engine.ask(`/containers/${id}/json`)).json() as Promise<Inspected>;
}
