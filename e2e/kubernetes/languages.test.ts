import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { composePython } from '../images/base.ts';
import { have } from '../images/have.ts';
import { mustEnd } from '../local/project.ts';
import type { Load } from './load.ts';
import { makeProject, type Project } from './project.ts';
import { settled } from './serving-project.ts';

setDefaultTimeout(120_000);

const fixtures = join(import.meta.dir, '..', 'fixtures');

const kind = await have('a cluster', findCluster);
if (kind) {
  describe('a service in Go, in an image of its own, brought by digest', testGo);
  describe('a service in Python, in an image that is built of its files', testPython);
  describe('a release command', testCommand);
}

function testGo(): void {
  let cluster: Cluster;
  let project: Project;
  let load: Load;
  let image: string;
  let first: string | undefined;

  beforeAll(async () => {
    cluster = await openCluster();
    image = await cluster.image('web');
    project = await makeProject(cluster, {
      service: { probes: { ready: '/', live: '/' }, env: { VERSION: 'one' } },
      image: { repository: image.split('@')[0] ?? '' },
    });
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('is up, and nothing of it is built', async () => {
    const up = await mustEnd(project.causeway('up', '--image', image, '--json'));

    first = up.json().serves;
    expect(up.stderr).not.toMatch(/^build /m);
    expect((await project.ask()).body).toMatch(/^version=one pod=shop-/);
    load = await project.load();
  });

  test('is rolled out with another variable, and loses no request on the way', async () => {
    project.configure({ service: { env: { VERSION: 'two' } } });

    await mustEnd(project.causeway('deploy', '--image', image, '--json'));

    await settled(project);
    expect((await project.ask()).body).toMatch(/^version=two /);
    expect(load.report().failures).toEqual([]);
  });

  test('is taken back where nothing listens on the port that it was given', async () => {
    project.configure({ service: { port: 9090 }, environment: { deadlines: { start: '5s' } } });

    const { exitCode, json } = await project.causeway('deploy', '--image', image, '--json');

    expect([exitCode, json().record?.verdict]).toMatchObject([3, { kind: 'failed', cause: 'not-listening' }]);
    await settled(project);
    expect((await project.ask()).body).toMatch(/^version=two /);
    expect(load.report().failures).toEqual([]);
  });

  test('is rolled back', async () => {
    const back = await mustEnd(project.causeway('rollback', '--to', first?.slice(0, 7) ?? '', '--json'));

    expect(back.json().serves).toBe(first ?? '');
    await settled(project);
    expect((await project.ask()).body).toMatch(/^version=one /);
    expect((await load.stop()).failures).toEqual([]);
  });
}

function testPython(): void {
  let cluster: Cluster;
  let project: Project;
  let stable: string | null;

  beforeAll(async () => {
    cluster = await openCluster();
    const { folder, python } = await composePython();
    project = await makeProject(cluster, {
      service: { files: ['service.py'], command: [python, 'service.py'] },
      image: { base: `oci:${folder}:python` },
      files: { 'service.py': { fixture: 'python/server.py' } },
    });
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('is up, and answers', async () => {
    await mustEnd(project.causeway('up'));

    const { release, body } = await project.ask();
    stable = release;
    expect(JSON.parse(body)).toEqual({ release, mark: 'python' });
  });

  test('is taken back with the end of its traceback where it fails at its start', async () => {
    project.write('service.py', readFileSync(join(fixtures, 'python', 'bad.py'), 'utf8'));

    const { exitCode, json } = await project.causeway('deploy', '--json');

    expect([exitCode, json().record]).toMatchObject([
      3,
      {
        verdict: {
          kind: 'failed',
          cause: 'crashed',
          evidence: {
            exit: 'exit code 1',
            lines: expect.arrayContaining(["KeyError: 'DATABASE_URL_THAT_NOBODY_SET'"]),
          },
        },
        traffic: { lost: 0 },
      },
    ]);
    await settled(project);
    expect((await project.ask()).release).toBe(stable);
  });
}

function testCommand(): void {
  let cluster: Cluster;
  let project: Project;

  beforeAll(async () => {
    cluster = await openCluster();
    project = await makeProject(cluster);
    await mustEnd(project.causeway('up'));
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('that fails ends the rollout: nothing is switched, and what it printed is kept', async () => {
    const before = await names(project);
    const { release } = await project.ask();
    project.configure({
      service: { release: script('console.error("no such table: users"); process.exit(7)') },
    });

    const { exitCode, json } = await project.causeway('deploy', '--json');

    expect(exitCode).toBe(3);
    expect(json().record?.verdict).toMatchObject({
      kind: 'failed',
      cause: 'command',
      evidence: { exit: 'exit code 7', lines: ['no such table: users'] },
    });
    expect(await names(project)).toEqual(before);
    expect((await project.ask()).release).toBe(release);
  });

  test('that succeeds is run once, before the first replica of its release', async () => {
    project.configure({ service: { release: script('console.log("migrated")') } });

    const ended = await mustEnd(project.causeway('deploy', '--json'));

    const { release = '' } = ended.json();
    await settled(project);
    expect((await project.ask()).release).toBe(release.slice(0, 7));
  });
}

function script(text: string): string[] {
  return ['bun', '--eval', text];
}

async function names(project: Project): Promise<readonly string[]> {
  return (await project.replicas()).map(({ name }) => name).sort();
}
