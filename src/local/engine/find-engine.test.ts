import { afterEach, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorOf } from '../../core/error-of.ts';
import { FakeEngine, type FakeEngineOptions } from './fake-engine.ts';
import { findEngine } from './find-engine.ts';

const opened: { readonly close: () => unknown }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

describe('the engine', () => {
  test('that DOCKER_HOST names is the one', async () => {
    const { folder, make } = ground();
    const fake = make('engine.sock');

    const { engine, about, platform } = await findEngine({ DOCKER_HOST: `unix://${folder}/engine.sock` });

    expect(engine.socket).toBe(fake.socket);
    expect([about.Version, platform]).toEqual(['20.10.24', 'linux/amd64']);
  });

  test('of the docker context that is in use comes before the usual places', async () => {
    const { folder, make, context } = ground();
    const fake = make('engine.sock');
    context('mine', `unix://${folder}/engine.sock`);

    const { engine } = await findEngine({ HOME: folder, XDG_RUNTIME_DIR: folder });

    expect(engine.socket).toBe(fake.socket);
  });

  test('of a docker context is found where DOCKER_CONFIG is set to nothing', async () => {
    const { folder, make, context } = ground();
    const fake = make('engine.sock');
    context('mine', `unix://${folder}/engine.sock`);

    const { engine } = await findEngine({ HOME: folder, DOCKER_CONFIG: '' });

    expect(engine.socket).toBe(fake.socket);
  });

  test.skipIf(process.platform !== 'linux')('of a user alone is found in his own folder', async () => {
    const { folder, make } = ground();
    const fake = make('docker.sock');

    const { engine } = await findEngine({ HOME: folder, XDG_RUNTIME_DIR: folder });

    // Unless this machine has one for all.
    expect([fake.socket, '/var/run/docker.sock']).toContain(engine.socket);
  });
});

describe('no engine', () => {
  test('is there: the socket is named, and how one comes', async () => {
    const error = await errorOf(findEngine({ DOCKER_HOST: 'unix:///nowhere/docker.sock' }));

    expect(error.code).toBe('engine_missing');
    expect(error.message).toBe('no Docker engine answers at /nowhere/docker.sock: nothing is there');
    expect(error.hint).toContain('sudo systemctl start docker');
    expect(error.hint).toContain("runner: 'process'");
  });

  test('listens any more', async () => {
    const { folder } = ground();
    writeFileSync(join(folder, 'left.sock'), '');

    const error = await errorOf(findEngine({ DOCKER_HOST: `unix://${folder}/left.sock` }));

    expect(error.message).toEndWith('nobody listens on it');
  });

  test.each(['tcp://10.0.0.1:2376', 'ssh://build.example.com'])(
    'of another machine will do: %s',
    async (host) => {
      const error = await errorOf(findEngine({ DOCKER_HOST: host }));

      expect(error.message).toStartWith(
        `DOCKER_HOST is ${host}: replicas are reached on this machine's loopback`,
      );
      expect(error.hint).toStartWith('unset DOCKER_HOST');
    },
  );

  test.each(['unix://', 'unix://docker.sock', 'unix://./run/docker.sock'])(
    'is meant by a path that is none, or not a whole one: %s',
    async (host) => {
      const error = await errorOf(findEngine({ DOCKER_HOST: host }));

      expect(error.code).toBe('engine_missing');
      expect(error.message).toBe(`DOCKER_HOST is ${host}, which names no socket by its whole path`);
      expect(error.hint).toStartWith('unset DOCKER_HOST');
    },
  );

  test('of another machine will do, named by a docker context', async () => {
    const { folder, context } = ground();
    context('far', 'ssh://build.example.com');

    const error = await errorOf(findEngine({ HOME: folder }));

    expect(error.message).toStartWith('the docker context far is ssh://build.example.com');
    expect(error.hint).toStartWith('docker context use default');
  });

  test.each([
    ['is not there', (meta: string) => rmSync(meta)],
    ['names no endpoint', (meta: string) => writeFileSync(meta, '{"Endpoints":{')],
  ])('is taken for a docker context that was chosen and %s', async (because, spoil) => {
    const { folder, make, context } = ground();
    make('docker.sock');
    const meta = context('mine', `unix://${folder}/engine.sock`);
    spoil(meta);

    const error = await errorOf(findEngine({ HOME: folder, XDG_RUNTIME_DIR: folder }));

    expect(error.code).toBe('engine_missing');
    expect(error.message).toBe(`the docker context mine is chosen, and ${meta} ${because}`);
    expect(error.hint).toStartWith('docker context ls');
  });

  test('that runs what no image is made for will do', async () => {
    const { folder, make } = ground();
    make('engine.sock', { arch: 's390x' });

    const error = await errorOf(findEngine({ DOCKER_HOST: `unix://${folder}/engine.sock` }));

    expect(error.message).toContain('runs containers of linux/s390x');
  });
});

test.each([
  [{ newest: '1.41', oldest: '1.12' }, '1.41'],
  [{ newest: '1.40', oldest: '1.12' }, '1.40'],
  [{ newest: '1.52', oldest: '1.44' }, '1.44'],
])('an engine that speaks %p is spoken with in %s', async (api, spoken) => {
  const { folder, make } = ground();
  const fake = make('engine.sock', { api });
  const { engine } = await findEngine({ DOCKER_HOST: `unix://${folder}/engine.sock` });

  await engine.list([]);

  expect([...fake.versions]).toEqual([spoken]);
});

test('what the engine refuses is told in its own words', async () => {
  const { folder, make } = ground();
  const fake = make('engine.sock');
  fake.refuse = (request) =>
    request === 'GET /containers/json' ? { status: 500, message: 'the disk is full' } : undefined;
  const { engine } = await findEngine({ DOCKER_HOST: `unix://${folder}/engine.sock` });

  const refused = engine.list([]);

  await expect(refused).rejects.toThrow('the Docker engine could not list containers: the disk is full');
});

function ground() {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-engine-'));
  opened.push({ close: () => rmSync(folder, { recursive: true, force: true }) });
  return {
    folder,
    make(name: string, options: Partial<FakeEngineOptions> = {}) {
      const fake = new FakeEngine({ socket: join(folder, name), workingFolder: folder, ...options });
      opened.push({ close: () => fake.stop() });
      return fake;
    },
    /** The path of what is kept of it. */
    context(name: string, host: string): string {
      const meta = join(
        folder,
        '.docker',
        'contexts',
        'meta',
        createHash('sha256').update(name).digest('hex'),
      );
      mkdirSync(meta, { recursive: true });
      writeFileSync(join(meta, 'meta.json'), JSON.stringify({ Endpoints: { docker: { Host: host } } }));
      writeFileSync(join(folder, '.docker', 'config.json'), JSON.stringify({ currentContext: name }));
      return join(meta, 'meta.json');
    },
  };
}
