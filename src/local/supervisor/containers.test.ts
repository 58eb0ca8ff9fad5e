import { afterEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../core/errors.ts';
import { makeRelease, type Release, type Settings } from '../../core/release.ts';
import type { OneOff } from '../../core/target.ts';
import { readEngines } from '../engine/engine-note.ts';
import { FakeEngine } from '../engine/fake-engine.ts';
import { fakeSettings, fixtures, makeState, fakeRollout as rollout, until } from '../fake-state.ts';
import { imageFolder, storeSecrets } from '../store.ts';
import { clearEngines, countInEngines, removeLeftContainers } from './container-leftovers.ts';
import { commandContainerName, filtersOf, labelsOf } from './container-names.ts';
import { Containers } from './containers.ts';
import { FrontDoor } from './front-door.ts';
import { imageName } from './images.ts';
import { LocalTarget } from './local-target.ts';
import type { Replica } from './replica.ts';
import { Replicas } from './replicas.ts';
import { leavingError } from './rollout-runner.ts';
import { TrafficProbe } from './traffic-probe.ts';

const opened: { readonly close: () => unknown }[] = [];
const { signal } = new AbortController();
const one = `sha256:${'1'.repeat(64)}`;
const two = `sha256:${'2'.repeat(64)}`;

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

describe('a replica in a container', () => {
  test('is ready, reached on loopback, and gets its variables by the engine', async () => {
    const { start, engine, paths } = make();
    const secretSet = storeSecrets(paths, { TOKEN: 's3cret' }, { inUse: [], isFresh: true });

    const replica = await start('good.ts', { env: { GREETING: 'hello' } }, secretSet);
    const answer = await (await replica.forward('/', {})).json();

    expect(replica.phase).toBe('ready');
    expect(answer).toMatchObject({ mark: 'one' });
    const [container] = engine.running();
    expect(container?.spec.Env).toEqual([
      'DRAIN_SECONDS=0',
      'SHUTDOWN_DEADLINE_SECONDS=1',
      `RELEASE=${replica.running.release.id.slice(0, 7)}`,
      'GREETING=hello',
      'TOKEN=s3cret',
      'PORT=8080',
      'HOST=0.0.0.0',
    ]);
  });

  test('has what a cluster would give it, and no more', async () => {
    const { start, engine, paths } = make();

    const replica = await start('good.ts');

    const { Env: _, ...spec } = engine.running()[0]?.spec ?? {};
    expect(spec as unknown).toEqual({
      Image: imageName(paths, one),
      Entrypoint: [process.execPath],
      Cmd: ['good.ts'],
      Labels: labelsOf(paths.root, 'replica', replica.running.release.id),
      ExposedPorts: { '8080/tcp': {} },
      HostConfig: {
        ReadonlyRootfs: true,
        Tmpfs: { '/tmp': 'rw,exec,nosuid,nodev,mode=1777' },
        CapDrop: ['ALL'],
        PidsLimit: 512,
        SecurityOpt: ['no-new-privileges'],
        RestartPolicy: { Name: 'no' },
        LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
        PortBindings: { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
      },
    });
  });

  test('that crashes leaves its exit code and what it printed, and no container', async () => {
    const { start, engine } = make();

    const replica = await start('crash-at-start.ts');

    expect(replica.trouble).toMatchObject({ cause: 'crashed', isConclusive: true });
    expect(replica.trouble?.message).toMatch(/^exit code 1 after /);
    expect(await replica.evidence(20)).toEqual({
      exit: 'exit code 1',
      lines: ['fatal: cannot parse DATABASE_URL'],
    });
    await until('its container is gone', () => engine.containers.size === 0);
  });

  test('that is killed says by which signal, and one that ran out of memory says that', async () => {
    const { start, engine } = make();
    const [killed, greedy] = [await start('good.ts'), await start('good.ts')];
    const [first, second] = engine.running();
    if (second) second.isOutOfMemory = true;

    first?.process?.kill('SIGKILL');
    second?.process?.kill('SIGKILL');
    await until('both have ended', () => killed.phase === 'ended' && greedy.phase === 'ended');

    expect(killed.trouble?.message).toStartWith('signal SIGKILL after ');
    expect((await greedy.evidence(1)).exit).toBe('out of memory (SIGKILL)');
  });

  test('that is removed by somebody else has ended', async () => {
    const { start, engine } = make();
    const replica = await start('good.ts');
    const [container] = engine.running();

    engine.containers.clear();
    container?.process?.kill('SIGKILL');
    await until('that is seen', () => replica.phase === 'ended');

    expect(replica.trouble?.message).toStartWith('its container was removed');
  });

  test('whose program is not in the image says so', async () => {
    const { create } = make();
    const replica = create('good.ts', { command: ['no-such-program'] });

    await replica.start();

    expect(replica.trouble).toEqual({
      cause: 'crashed',
      message: 'no-such-program did not start: exec: "no-such-program": executable file not found in $PATH',
      isConclusive: true,
    });
  });

  test('that listens nowhere says on which port it should', async () => {
    const { create } = make();
    const replica = create('never-listens.ts');

    void replica.start();
    await until('that is said', () => replica.trouble !== undefined);

    expect(replica.trouble).toEqual({
      cause: 'not-listening',
      message: 'nothing answers on PORT (8080 in the container)',
      isConclusive: false,
    });
  });

  test('that is retired finishes what is in flight, ends by SIGTERM, and is removed before that returns', async () => {
    const { start, engine } = make();
    const replica = await start('good.ts');
    replica.begin();
    const answer = replica.forward('/slow?ms=100', {}).finally(() => replica.finish());
    await (await replica.forward('/', {})).text();

    await replica.retire();

    expect((await answer).status).toBe(200);
    expect((await replica.evidence(1)).exit).toBe('exit code 0');
    expect(engine.containers.size).toBe(0);
  });

  test('that somebody else is removing already counts as gone, and nothing is logged', async () => {
    const { start, engine, logged } = make();
    const replica = await start('good.ts');
    engine.refuse = (request) =>
      request.startsWith('DELETE /containers')
        ? { status: 409, message: 'removal of container x is already in progress' }
        : undefined;

    await replica.retire();

    expect(engine.requests.filter((request) => request.startsWith('DELETE')).length).toBe(1);
    expect(logged).toEqual([]);
  });

  test('that the engine does not remove is logged once, however often it is tried', async () => {
    const { start, engine, logged } = make();
    const removals = () => engine.requests.filter((request) => request.startsWith('DELETE')).length;
    const replica = await start('good.ts');
    engine.refuse = (request) =>
      request.startsWith('DELETE /containers') ? { status: 500, message: 'it is busy' } : undefined;

    await replica.retire();
    await start('good.ts');
    await until('it was tried again', () => removals() >= 2);

    expect(logged).toEqual(['a container could not be removed']);
  });

  test('that goes is there until its container is removed, also when it has ended before', async () => {
    const { containers, engine, release } = make();
    const create = (...given: Parameters<Containers['createReplica']>) => containers.createReplica(...given);
    const replicas = new Replicas({ create, log: () => undefined });
    opened.push({ close: () => replicas.close() });
    const held = Promise.withResolvers<void>();
    engine.hold = (request) => (request.startsWith('DELETE') ? held.promise : undefined);
    replicas.apply({ replicas: 1, stable: { release: release('good.ts') } });
    await until('it is ready', () => replicas.routable().length === 1);

    replicas.apply({ replicas: 1 });
    await until('it is being removed', () => engine.requests.some((request) => request.startsWith('DELETE')));
    const { length } = replicas.all;
    held.resolve();
    await until('it is gone', () => replicas.all.length === 0);

    expect(length).toBe(1);
    expect(engine.containers.size).toBe(0);
  });

  test('that does not listen to SIGTERM is killed', async () => {
    const { start } = make();
    const replica = await start('ignores-sigterm.ts', { drainMs: 20 });

    await replica.retire();

    expect((await replica.evidence(1)).exit).toBe('signal SIGKILL');
  });

  test('that is retired while it is made is never started', async () => {
    const { create, engine } = make();
    const held = Promise.withResolvers<void>();
    engine.hold = (request) => (request === 'POST /containers/create' ? held.promise : undefined);
    const replica = create('good.ts');
    void replica.start();
    await until('it is being made', () => engine.requests.includes('POST /containers/create'));

    const retired = replica.retire();
    held.resolve();
    await retired;

    expect(engine.requests.filter((request) => request.endsWith('/start'))).toEqual([]);
    expect(engine.containers.size).toBe(0);
  });

  test('that is retired while it is started is removed, and the engine is not blamed', async () => {
    const { create, engine } = make();
    const held = Promise.withResolvers<void>();
    const isStart = (request: string) => request.endsWith('/start');
    engine.hold = (request) => (isStart(request) ? held.promise : undefined);
    const replica = create('good.ts');
    void replica.start();
    await until('it is being started', () => engine.requests.some(isStart));

    const retired = replica.retire();
    held.resolve();
    await retired;

    expect((await replica.evidence(1)).exit).toBe('ended before it was started');
    expect(engine.containers.size).toBe(0);
  });

  test.each([
    [409, 'Conflict. The container name is already in use'],
    [404, 'No such image'],
    [500, 'no space left on device'],
  ])('that the engine cannot make (%p) is no fault of the release', async (status, message) => {
    const { create, engine } = make();
    engine.refuse = (request) => (request === 'POST /containers/create' ? { status, message } : undefined);
    const replica = create('good.ts');

    await replica.start();

    expect(replica.trouble).toMatchObject({ cause: 'environment', isConclusive: true });
    expect(replica.trouble?.message).toEndWith(message);
  });
});

test('requests that a crash cuts are not seen before the crash, however late the engine tells of it', async () => {
  const { containers, engine, release, paths } = make();
  const replicas = new Replicas({
    create: (...given) => containers.createReplica(...given),
    log: () => undefined,
  });
  const routable = () => replicas.routable();
  const about = {
    routable,
    changed: () => replicas.changed(),
    isExpected: () => true,
    isLeaving: () => false,
  };
  const front = new FrontDoor(about);
  front.open(0);
  const probe = new TrafficProbe({ front, routable });
  const parts = { paths, replicas, front, probe, runnerOf: () => containers, goesDown: signal };
  const target = new LocalTarget({ ...parts, log: () => undefined }, { replicas: 1 });
  opened.push(
    { close: () => replicas.close() },
    { close: () => front.close() },
    { close: () => probe.stop() },
  );
  engine.hold = (request) => (request.endsWith('/wait') ? untilTold(engine) : undefined);
  const candidate = { release: release('good.ts'), size: 'all' } as const;
  await target.set({ replicas: 1, rollout, candidate }, await target.lock({ purpose: 'test' }));
  await until('it is ready', () => routable().length === 1);
  const [replica] = replicas.all;
  const asked = fetch(`http://127.0.0.1:${front.port}/slow?ms=60000`, { method: 'POST' });
  await until('it is asked', () => (replica?.inFlight ?? 0) > 0);

  engine.running()[0]?.process?.kill('SIGKILL');
  await asked;
  const seen: (string | undefined)[] = [];
  for await (const look of target.observe(signal)) {
    const [first] = look.kind === 'seen' ? look.replicas : [];
    seen.push(first?.trouble?.cause);
    if (seen.length === 2) break;
  }

  expect(replica?.front.errors).toBeGreaterThan(0);
  expect(seen).toEqual(['crashed', 'crashed']);
});

/** An engine may take some time from the end of a process to that of its container. */
async function untilTold(engine: FakeEngine): Promise<void> {
  await until('it has ended', () => engine.running().length === 0);
  await Bun.sleep(200);
}

describe('an engine that goes away', () => {
  test('before a replica is made is no fault of the release', async () => {
    const { create, engine } = make();
    await engine.stop();
    const replica = create('good.ts');

    await replica.start();

    expect(replica.trouble).toEqual({
      cause: 'environment',
      message: `no Docker engine answers at ${engine.socket}: nothing is there`,
      isConclusive: true,
    });
  });

  test('with its containers ends the replicas, and what is left of them is removed when it is back', async () => {
    const { start, engine } = make();
    const replica = await start('good.ts');
    await engine.stop();
    await until('that is seen', () => replica.phase === 'ended');
    engine.start();

    await start('good.ts');
    await until('one is left', () => engine.containers.size === 1);

    expect(replica.trouble?.cause).toBe('environment');
  });

  test('without its containers ends nothing', async () => {
    const { start, engine } = make();
    const replica = await start('good.ts');

    await engine.stop({ keepsContainers: true });
    engine.start();
    const answer = await replica.forward('/', {});
    await replica.retire();

    expect(answer.status).toBe(200);
    expect(engine.containers.size).toBe(0);
  });
});

describe('an image', () => {
  test('is read in once for all that need it, and again where the engine has lost it', async () => {
    const { start, create, engine } = make();
    const loads = () => engine.requests.filter((request) => request === 'POST /images/load').length;

    await Promise.all([create('good.ts'), create('good.ts')].map((replica) => replica.start()));
    const first = loads();
    engine.images = [];
    await start('good.ts');

    expect([first, loads()]).toEqual([1, 2]);
  });

  test('is read in for whoever still waits, when the one who asked first does not any more', async () => {
    const { containers, release, create, engine } = make();
    const held = Promise.withResolvers<void>();
    engine.hold = (request) => (request === 'POST /images/load' ? held.promise : undefined);
    const first = new AbortController();
    const published = containers.publish(release('good.ts'), first.signal);
    const replica = create('good.ts');
    const started = replica.start();
    await until('it is read in', () => engine.requests.includes('POST /images/load'));

    first.abort(new Error('given up'));
    const refused = await published.catch((error: unknown) => String(error));
    held.resolve();
    await started;

    expect(refused).toBe('Error: given up');
    expect(replica.phase).toBe('ready');
  });

  test('is not read in to its end when the environment is taken down', async () => {
    const { containers, release, engine } = make();
    const held = Promise.withResolvers<void>();
    opened.push({ close: () => held.resolve() });
    engine.hold = (request) => (request === 'POST /images/load' ? held.promise : undefined);
    const published = containers.publish(release('good.ts'), signal);
    await until('it is read in', () => engine.requests.includes('POST /images/load'));

    containers.close(leavingError('shop'));

    await expect(published).rejects.toThrow('shop is being taken down');
    await expect(containers.publish(release('good.ts'), signal)).rejects.toThrow('shop is being taken down');
  });

  test('that is damaged is said to be, and stored anew by the next command', async () => {
    const { containers, release, paths } = make({
      packArchive: () => {
        throw new UserError({ code: 'image_corrupt', message: 'a blob is damaged', hint: 'x' });
      },
    });

    const published = containers.publish(release('good.ts'), signal);

    await expect(published).rejects.toThrow('a blob is damaged');
    expect(existsSync(imageFolder(paths, one))).toBe(false);
  });

  test.each(['', '0', 'root', '0:0', 'root:wheel'])('whose user is %p is refused', async (user) => {
    const { containers, release, engine } = make();
    engine.user = user;

    const [finding] = await containers.preflight(release('good.ts'), signal);

    expect(finding).toMatchObject({ isProblem: true, message: expect.stringContaining('runs as root') });
    expect(finding?.hint).toContain('USER 65532:65532');
  });

  test('that is not stored keeps a rollout from beginning', async () => {
    const { containers, release } = make();
    const missing = { ...release('good.ts'), image: two };

    const [finding] = await containers.preflight(missing, signal);

    expect(finding).toMatchObject({ isProblem: true, message: `the image ${two} is not stored here` });
    expect(await containers.preflight(release('good.ts'), signal)).toEqual([]);
  });

  test('whose releases are gone is taken out of the engine, and no other', async () => {
    const { containers, engine, paths } = make();
    engine.images = [imageName(paths, one), imageName(paths, two), 'causeway/other:1'];

    await containers.clearImages();

    expect(engine.images).toEqual([imageName(paths, one), 'causeway/other:1']);
  });
});

describe('what an earlier supervisor left', () => {
  test('is removed, but for the release command whose end is yet to be looked up', async () => {
    const { paths, engine, start, containers, command } = make();
    await start('good.ts');
    const endless = command('setTimeout(() => {}, 600_000)');
    const running = ['awaited', 'given-up'].map((id) => containers.runOneOff({ ...endless, id }, signal));
    await until('all run', () => engine.running().length === 3);

    const removed = await removeLeftContainers(paths, 'awaited');

    expect(removed).toEqual([{ socket: engine.socket, containers: 2, images: 0 }]);
    expect(engine.running().map(({ name }) => name)).toEqual([commandContainerName(paths.root, 'awaited')]);
    await clearEngines(paths);
    expect(await Promise.all(running)).toEqual([{ kind: 'unknown' }, { kind: 'unknown' }]);
  });

  test('is all gone after `down`, and nothing of another environment', async () => {
    const { paths, engine, start } = make();
    await start('good.ts');
    const [mine] = engine.running();
    if (mine) engine.containers.set('other', { ...mine, id: 'other', spec: { ...mine.spec, Labels: {} } });
    engine.images.push('causeway/other:1');

    const before = await countInEngines(paths);
    const left = await clearEngines(paths);

    expect(before).toEqual([{ socket: engine.socket, containers: 1, images: 1 }]);
    expect(left).toEqual([{ socket: engine.socket, containers: 0, images: 0 }]);
    expect([...engine.containers.keys()]).toEqual(['other']);
    expect(engine.images).toEqual(['causeway/other:1']);
  });

  test('in an engine that does not answer is said to be unknown', async () => {
    const { paths, engine } = make();
    await engine.stop();

    const { socket } = engine;
    const trouble = `no Docker engine answers at ${socket}: nothing is there`;
    expect(await clearEngines(paths)).toEqual([{ socket, containers: 0, images: 0, trouble }]);
    expect(await removeLeftContainers(paths, undefined)).toEqual([
      { socket, containers: 0, images: 0, trouble },
    ]);
  });

  test('is removed as far as the engine does it, and what it says of the rest is told', async () => {
    const { paths, engine, start } = make();
    await start('good.ts');
    engine.refuse = (request) =>
      request.startsWith('DELETE /containers')
        ? { status: 500, message: 'device or resource busy' }
        : undefined;

    const left = await clearEngines(paths);

    const trouble = 'the Docker engine could not remove a container: device or resource busy';
    expect(left).toEqual([{ socket: engine.socket, containers: 1, images: 0, trouble }]);
  });

  test('in an engine that was used before another one is found too', async () => {
    const { paths, engine, containers } = make();

    containers.use('/another/docker.sock');
    containers.use(engine.socket);

    expect(readEngines(paths)).toEqual(['/another/docker.sock', engine.socket]);
    const silent = (await countInEngines(paths)).filter(({ trouble }) => trouble !== undefined);
    expect(silent.map(({ socket }) => socket)).toEqual(['/another/docker.sock']);
  });
});

describe('a release command', () => {
  test('that ends with 0 has succeeded, and leaves no container', async () => {
    const { containers, command, engine } = make();

    const exit = await containers.runOneOff(command('console.log("migrated")'), signal);

    expect(exit).toEqual({ kind: 'succeeded' });
    expect(engine.containers.size).toBe(0);
  });

  test('that fails is told with its exit code and its last lines', async () => {
    const { containers, command } = make();

    const exit = await containers.runOneOff(
      command('console.log(process.env.RELEASE?.length); console.error("no table"); process.exit(7)'),
      signal,
    );

    expect(exit).toMatchObject({ kind: 'failed', evidence: { exit: 'exit code 7' } });
    expect([...(exit.kind === 'failed' ? exit.evidence.lines : [])].sort()).toEqual(['7', 'no table']);
  });

  test('whose program is not there has failed', async () => {
    const { containers, command } = make();

    const exit = await containers.runOneOff({ ...command(''), command: ['no-such-program'] }, signal);

    expect(exit).toMatchObject({ kind: 'failed', evidence: { exit: 'exit code 127' } });
  });

  test('that does not end in time, or is ended, has failed for that reason, and is gone', async () => {
    const { containers, command, engine } = make();
    const endless = command('setTimeout(() => {}, 600_000)');
    const giveUp = new AbortController();

    const late = await containers.runOneOff({ ...endless, timeoutMs: 50 }, signal);
    const ended = containers.runOneOff({ ...endless, id: 'other' }, giveUp.signal);
    await until('it runs', () => engine.running().length === 1);
    giveUp.abort('ended by down');

    expect(late).toMatchObject({ kind: 'failed', evidence: { exit: 'no end in 50 ms' } });
    expect(await ended).toMatchObject({ kind: 'failed', evidence: { exit: 'ended by down' } });
    expect(engine.containers.size).toBe(0);
  });

  test.each([60_000, 50])(
    'tells its last lines (of %p ms), also where the engine is slow to tell them',
    async (timeoutMs) => {
      const { containers, command, engine } = make();
      const first = () => [...engine.containers.values()][0];
      engine.hold = (request) => {
        if (request.endsWith('/logs')) return until('it has ended', () => first()?.status === 'exited');
        // What asks how it is begins to count its time only then.
        if (!request.startsWith('GET /containers/')) return undefined;
        return until('it has printed', () => first()?.output.includes('last words') === true);
      };
      const fails = `console.log("last words"); setTimeout(() => process.exit(3), ${timeoutMs === 50 ? 600_000 : 1})`;

      const exit = await containers.runOneOff({ ...command(fails), timeoutMs }, signal);

      expect(exit).toMatchObject({ kind: 'failed', evidence: { lines: ['last words'] } });
    },
  );

  test('that may run on, for the engine does not end it, has an unknown end', async () => {
    const { containers, command, engine } = make();
    const endless = command('setTimeout(() => {}, 600_000)');
    engine.refuse = (request) =>
      request.endsWith('/kill') || request.startsWith('DELETE')
        ? { status: 500, message: 'it did not answer' }
        : undefined;

    const exit = await containers.runOneOff({ ...endless, timeoutMs: 50 }, signal);
    const { length } = engine.running();
    engine.refuse = () => undefined;
    await containers.runOneOff({ ...command(''), id: 'next' }, signal);

    expect([exit, length]).toEqual([{ kind: 'unknown' }, 1]);
    await until('it is ended', () => engine.containers.size === 0);
  });

  test('that was made as the supervisor died, and started after all, is followed to its end', async () => {
    const { containers, command, engine } = make();
    const begun = command('setTimeout(() => process.exit(3), 50)');
    const held = Promise.withResolvers<void>();
    engine.hold = (request) => (request.endsWith('/start') ? held.promise : undefined);
    void containers.runOneOff(begun, signal).catch(() => undefined);
    await until('it is being started', () => engine.requests.some((request) => request.endsWith('/start')));
    const [made] = engine.containers.values();
    engine.hold = (request) => {
      if (!request.startsWith('DELETE')) return undefined;
      held.resolve();
      return until('it runs', () => made?.status !== 'created');
    };

    const exit = await containers.runOneOff({ ...begun, isBegun: true }, signal);

    expect(exit).toMatchObject({ kind: 'failed', evidence: { exit: 'exit code 3' } });
  });

  test('that was begun by a supervisor that died is looked up, and not run again', async () => {
    const { containers, command, engine, paths } = make();
    const begun = command('console.log("once"); setTimeout(() => process.exit(3), 50)');
    const first = containers.runOneOff(begun, signal).catch(() => undefined);
    await until('it runs', () => engine.running().length === 1);
    const next = new Containers({ paths, packArchive: pack, log: () => undefined });

    const exit = await next.runOneOff({ ...begun, isBegun: true }, signal);
    // It lives on here, and must not be in the way of what is looked up.
    await first;
    const again = await next.runOneOff({ ...begun, isBegun: true }, signal);

    expect(exit).toEqual({ kind: 'failed', evidence: { exit: 'exit code 3', lines: ['once'] } });
    expect(again).toEqual(exit);
    expect(engine.requests.filter((request) => request === 'POST /containers/create').length).toBe(1);
  });

  test('of which nothing is found has an unknown end', async () => {
    const { containers, command } = make();

    const exit = await containers.runOneOff({ ...command(''), isBegun: true }, signal);

    expect(exit).toEqual({ kind: 'unknown' });
  });
});

test('a command of the user’s is given the image, the variables and the mark of the environment', async () => {
  const { containers, release, engine, paths } = make();

  const start = await containers.oneOffStart({ release: release('good.ts', { env: { GREETING: 'hello' } }) });

  expect(start).toMatchObject({
    kind: 'container',
    socket: engine.socket,
    container: { image: imageName(paths, one), env: { GREETING: 'hello' } },
  });
  expect(engine.images).toEqual([imageName(paths, one)]);
  expect(filtersOf(paths.root, 'run')).toEqual([`causeway.state=${paths.root}`, 'causeway.kind=run']);
});

const pack = ({ tag }: { readonly tag: string }) => new Blob([tag]).stream() as ReadableStream<Uint8Array>;

function make({ packArchive = pack } = {}) {
  const state = makeState();
  const { paths } = state;
  const engine = new FakeEngine({ socket: join(state.folder, 'engine.sock'), workingFolder: fixtures });
  mkdirSync(imageFolder(paths, one), { recursive: true });
  writeFileSync(join(imageFolder(paths, one), 'oci-layout'), '{}');
  const logged: string[] = [];
  const containers = new Containers({ paths, packArchive, log: (event) => logged.push(event) });
  containers.use(engine.socket);
  const release = (fixture: string, settings: Partial<Settings> = {}): Release =>
    makeRelease({
      artifact: 'sha256:a',
      image: one,
      command: [process.execPath, fixture],
      settings: fakeSettings(settings),
    });
  const create = (
    fixture: string,
    { command, ...settings }: Partial<Settings> & { readonly command?: string[] } = {},
    secretSet?: string,
  ): Replica => {
    const made = release(fixture, settings);
    const running = { release: command ? { ...made, command } : made, ...(secretSet ? { secretSet } : {}) };
    return containers.createReplica(running, 0, () => undefined);
  };
  const start = async (fixture: string, settings: Partial<Settings> = {}, secretSet?: string) => {
    const replica = create(fixture, settings, secretSet);
    await replica.start();
    return replica;
  };
  const command = (code: string): OneOff => ({
    id: 'rollout',
    running: { release: release('good.ts') },
    command: [process.execPath, '-e', code],
    isBegun: false,
    timeoutMs: 60_000,
  });
  opened.push({ close: () => state[Symbol.dispose]() }, { close: () => engine.stop() });
  return { paths, engine, containers, release, create, start, command, logged };
}
