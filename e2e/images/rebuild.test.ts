import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { composeBase } from './base.ts';
import { type Clone, makeClone } from './clone.ts';
import { type Engine, findEngine, startEngine } from './engine.ts';
import { have } from './have.ts';
import { findRegistry, type Registry, startRegistry } from './registry.ts';
import { askContract, type Container, runContainer } from './run-container.ts';
import { findSkopeo, skopeo } from './skopeo.ts';

setDefaultTimeout(180_000);

const registryPrograms = await have('docker-registry', findRegistry);
const tool = await have('skopeo', findSkopeo);
const enginePrograms = await have('the engine', findEngine);
const stranger = await have('another user', async () => {
  if (process.getuid?.() !== 0) throw new Error('only root can be one');
  return 54_321;
});

if (registryPrograms && tool) {
  describe('two clones of the repository', () => {
    let registry: Registry;
    let mine: Clone;
    let theirs: Clone;
    let digest: string;

    beforeAll(async () => {
      registry = await startRegistry(registryPrograms);
      const base = `${registry.host}/bases/cc:1`;
      await skopeo(tool, 'copy', '--all', `oci:${await composeBase()}:base`, `docker://${base}`);
      const image = `{ base: '${base}', repository: '${registry.host}/team/automate' }`;
      const cache = process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? '', '.cache');
      [mine, theirs] = await Promise.all([
        makeClone({ name: 'mine', image, umask: '022', env: { TZ: 'UTC', XDG_CACHE_HOME: cache } }),
        makeClone({
          name: 'their copy of it',
          image,
          umask: '077',
          uid: stranger,
          // With nothing cached but what npm has downloaded before.
          env: { TZ: 'Asia/Tokyo', LANG: 'de_DE.UTF-8', NODE_ENV: 'production' },
        }),
      ]);
    });

    afterAll(async () => {
      await mine?.[Symbol.asyncDispose]();
      await theirs?.[Symbol.asyncDispose]();
      await registry?.[Symbol.asyncDispose]();
    });

    test('build the same index digest: in other folders, by other users, cold and warm, at other times', async () => {
      const one = await mine.causeway('image', 'build');
      const other = await theirs.causeway('image', 'build');

      expect([one.exitCode, other.exitCode], `${one.stderr}${other.stderr}`).toEqual([0, 0]);
      expect(one.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
      expect(other.stdout).toBe(one.stdout);
      digest = one.stdout.trim();
    });

    test('note the same digest of the base', () => {
      const locks = [mine, theirs].map(({ folder }) =>
        readFileSync(join(folder, 'causeway.lock.json'), 'utf8'),
      );

      expect(locks[1]).toBe(locks[0] ?? '');
    });

    test('build another one when one byte of the service changed, and the same again without it', async () => {
      mine.edit('service/src/endpoints/message.ts', 'Automate all the things!', 'Automate all the things?');
      const changed = await mine.causeway('image', 'build');
      mine.edit('service/src/endpoints/message.ts', 'Automate all the things?', 'Automate all the things!');
      const back = await mine.causeway('image', 'build');

      expect(changed.stdout).not.toBe(back.stdout);
      expect(back.stdout.trim()).toBe(digest);
    });

    test('hold no layer of more than 53 MB above the base, and a service of less than 100 kB', async () => {
      const { stdout } = await mine.causeway('image', 'build', '--json');

      for (const { runtime, app } of JSON.parse(stdout).platforms) {
        expect(runtime + app).toBeLessThanOrEqual(53_000_000);
        expect(app).toBeLessThan(100_000);
      }
    });

    if (enginePrograms)
      describe('pushed, the engine', () => {
        let engine: Engine;
        let container: Container;

        beforeAll(async () => {
          const pushed = await mine.causeway('image', 'push');
          expect(pushed.exitCode, pushed.stderr).toBe(0);
          engine = await startEngine(enginePrograms);
          container = await runContainer(engine, pushed.stdout.trim());
        });

        afterAll(() => engine?.[Symbol.asyncDispose]());

        test('pulls it by its digest and runs it; the contract holds, with a read-only root', async () => {
          await container.isReady();

          await askContract(container.url);
        });

        test('runs it as a user without rights, and it needs no shell', async () => {
          const inspected = await container.inspect();
          const shell = await engine.docker('exec', container.id, 'sh', '-c', 'true');

          expect(inspected).toMatchObject({
            Config: { User: '65532:65532', WorkingDir: '/app' },
            HostConfig: { ReadonlyRootfs: true, CapDrop: ['ALL'] },
          });
          expect(readFileSync(`/proc/${inspected.State.Pid}/status`, 'utf8')).toMatch(/^Uid:\t65532\t65532/m);
          expect(shell.exitCode).not.toBe(0);
        });

        test('ends it with SIGTERM, and it exits 0', async () => {
          expect(await container.end('SIGTERM')).toBe(0);
        });

        test('loads the tar of image build --output, and that is the same service', async () => {
          const out = join(mine.base, 'out');
          mkdirSync(out);
          const built = await mine.causeway('image', 'build', '--output', join(out, 'image.tar'));
          const loaded = await engine.docker('load', '--input', join(out, 'image.tar'));
          const name = /Loaded image: (\S+)/.exec(loaded.stdout)?.[1] ?? '';
          const other = await runContainer(engine, name);

          expect([built.exitCode, loaded.exitCode], `${built.stderr}${loaded.stderr}`).toEqual([0, 0]);
          await other.isReady();
          await askContract(other.url);
          expect(await other.end('SIGTERM')).toBe(0);
        });

        test('runs the layout of image build --output once skopeo has copied it', async () => {
          const out = join(mine.base, 'layout');
          const built = await mine.causeway('image', 'build', '--output', out);
          await skopeo(tool, 'copy', `oci:${out}`, `docker://${registry.host}/team/copied:1`);
          const other = await runContainer(engine, `${registry.host}/team/copied:1`);

          expect(built.exitCode, built.stderr).toBe(0);
          await other.isReady();
          await askContract(other.url);
          expect(await other.end('SIGTERM')).toBe(0);
        });
      });
  });
}
