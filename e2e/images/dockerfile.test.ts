import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { composeBase, composeBuilder } from './base.ts';
import { type Engine, findEngine, startEngine } from './engine.ts';
import { have } from './have.ts';
import { findRegistry, type Registry, startRegistry } from './registry.ts';
import { askContract, type Container, runContainer } from './run-container.ts';
import type { Ran } from './run-program.ts';
import { findSkopeo, skopeo } from './skopeo.ts';

setDefaultTimeout(120_000);

const repository = realpathSync(join(import.meta.dir, '..', '..'));

const registryPrograms = await have('docker-registry', findRegistry);
const tool = await have('skopeo', findSkopeo);
const enginePrograms = await have('the engine', findEngine);

if (registryPrograms && tool && enginePrograms) {
  // The classic builder knows the Dockerfile's first instructions alone, and BuildKit all of them.
  for (const [builder, buildkit] of [
    ['the classic builder', '0'],
    ['BuildKit', '1'],
  ] as const) {
    describe(`the Dockerfile, built by ${builder}`, () => {
      let registry: Registry;
      let engine: Engine;
      let context: string;
      let built: Ran;
      let container: Container;

      beforeAll(async () => {
        registry = await startRegistry(registryPrograms);
        await skopeo(tool, 'copy', `oci:${await composeBuilder()}:bun`, `docker://${registry.host}/bun:1`);
        await skopeo(
          tool,
          'copy',
          '--all',
          `oci:${await composeBase()}:base`,
          `docker://${registry.host}/cc:1`,
        );
        engine = await startEngine(enginePrograms);
        context = mkdtempSync(join(realpathSync('/tmp'), 'cw-context-'));
        for (const path of ['Dockerfile', '.dockerignore', 'service', 'package.json']) {
          cpSync(join(repository, path), join(context, path), { recursive: true });
        }
        built = await build('automate:1');
        if (built.exitCode !== 0) throw new Error(`${built.stdout}\n${built.stderr}`);
        container = await runContainer(engine, 'automate:1');
      });

      afterAll(async () => {
        await engine?.[Symbol.asyncDispose]();
        await registry?.[Symbol.asyncDispose]();
        if (context) rmSync(context, { recursive: true });
      });

      test('runs the service’s tests', () => {
        expect(`${built.stdout}${built.stderr}`).toMatch(/\b\d+ pass\n/);
      });

      test('gives an image that keeps the contract with a read-only root, and ends with 0', async () => {
        await container.isReady();
        await askContract(container.url);
        expect(await container.end('SIGTERM')).toBe(0);
      });

      test('gives one of the user without rights, by number, that holds Bun and the service above its base', async () => {
        const { Config } = await container.inspect();
        const size = async (name: string) => {
          const response = await engine.ask(`/images/${encodeURIComponent(name)}/json`);
          return ((await response.json()) as { readonly Size: number }).Size;
        };
        await engine.docker('pull', `${registry.host}/cc:1`);
        const above = (await size('automate:1')) - (await size(`${registry.host}/cc:1`));

        expect(Config).toMatchObject({ User: '65532:65532', WorkingDir: '/app' });
        expect(above - readFileSync(process.execPath).byteLength).toBeLessThan(200_000);
      });

      test('fails where a test of the service fails', async () => {
        writeFileSync(
          join(context, 'service/src/bad.test.ts'),
          "import { expect, test } from 'bun:test';\ntest('holds', () => expect(1).toBe(2));\n",
        );

        const failed = await build('automate:2');

        expect(failed.exitCode).not.toBe(0);
        expect(`${failed.stdout}${failed.stderr}`).toContain('1 fail');
        expect((await engine.ask('/images/automate:2/json')).status).toBe(404);
      });

      function build(tag: string): Promise<Ran> {
        return engine.docker(
          { DOCKER_BUILDKIT: buildkit, BUILDKIT_PROGRESS: 'plain' },
          'build',
          `--build-arg=BUN=${registry.host}/bun:1`,
          `--build-arg=BASE=${registry.host}/cc:1`,
          `--tag=${tag}`,
          context,
        );
      }
    });
  }
}
