import { afterEach, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeRelease, type Settings } from '../../core/release.ts';
import { birthOf } from '../birth.ts';
import { type FakeState, fakeBaseEnv, fakeSettings, fixtures, makeState, until } from '../fake-state.ts';
import { findFreePort } from '../free-port.ts';
import { type ProcessLifeOptions, processLife } from './process-life.ts';
import { serveRaw } from './raw-http.ts';
import { Replica } from './replica.ts';

const states: FakeState[] = [];
const replicas: Replica[] = [];
const others: { readonly close: () => void }[] = [];

afterEach(async () => {
  for (const replica of replicas.splice(0)) {
    replica.kill();
    await until('it has ended', () => replica.phase === 'ended');
  }
  for (const other of others.splice(0)) other.close();
  for (const state of states.splice(0)) state[Symbol.dispose]();
});

describe('a replica that starts well', () => {
  test('is ready when its readiness and every declared path have answered', async () => {
    const { replica, changes } = make('good.ts', {
      probes: { ready: '/readyz', timeoutMs: 1_000 },
      paths: ['/', '/livez'],
    });

    await replica.start();

    expect(replica.state()).toEqual({
      id: 'r-1',
      key: replica.key,
      release: replica.running.release.id,
      phase: 'ready',
      restarts: 0,
    });
    expect(changes()).toBe(1);
  });

  test('is waited for, however often it has to be asked', async () => {
    const { replica } = make('slow-to-start.ts', { probes: { ready: '/readyz', timeoutMs: 1_000 } });

    const started = replica.start();
    await until('it says why it is not ready', () => replica.trouble?.cause === 'never-ready');
    const trouble = replica.trouble;
    await started;

    expect(trouble).toEqual({
      cause: 'never-ready',
      message: 'GET /readyz answered 503',
      isConclusive: false,
    });
    expect(replica.phase).toBe('ready');
    expect(replica.trouble).toBeUndefined();
  });

  test('answers at its port, runs in the files of the release, and gets its variables', async () => {
    const { replica } = makeScript(
      `Bun.serve({ port: process.env.PORT, hostname: process.env.HOST,
        fetch: () => Response.json([process.cwd(), process.env.GREETING, process.env.HOST]) });`,
      {},
      { env: () => ({ ...fakeBaseEnv, GREETING: 'hello', PORT: 'not this', HOST: 'not this' }) },
    );

    await replica.start();
    const answer = await replica.forward('/', {});

    expect(await answer.json()).toEqual([fixtures, 'hello', '127.0.0.1']);
  });

  test('is reached directly, whatever proxy the environment names', async () => {
    const script = join(import.meta.dir, 'replica.ts');
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('direct') });
    others.push({ close: () => void server.stop(true) });
    const { paths } = newState();
    const code = `
      import { Replica } from ${JSON.stringify(script)};
      import { processLife } from ${JSON.stringify(script.replace('replica.ts', 'process-life.ts'))};
      const running = { release: { settings: ${JSON.stringify(fakeSettings())} } };
      const replica = new Replica({ id: 'x', running, restarts: 0, workingFolder: '/',
        begin: processLife({ argv: ['sleep', '100'], workingFolder: '/', env: () => ({ PATH: '/usr/bin:/bin' }),
          choosePort: () => ${server.port}, onProcess: () => {} }),
        logFolder: ${JSON.stringify(join(paths.logs, 'x'))}, onChange: () => {} });
      await replica.start();
      console.log(await (await replica.forward('/', {})).text());
      replica.kill();
      process.exit();`;
    const proxy = 'http://127.0.0.1:9';

    const child = Bun.spawn([process.execPath, '-e', code], {
      env: { ...fakeBaseEnv, HTTP_PROXY: proxy, http_proxy: proxy },
      stdio: ['ignore', 'pipe', 'inherit'],
    });

    expect(await new Response(child.stdout).text()).toBe('direct\n');
  });
});

describe('what keeps a replica from being ready', () => {
  test('it crashes: its exit code and what it printed are the evidence', async () => {
    const { replica, changes } = make('crash-at-start.ts');

    await replica.start();

    expect(replica.phase).toBe('ended');
    expect(replica.trouble).toMatchObject({ cause: 'crashed', isConclusive: true });
    expect(replica.trouble?.message).toMatch(/^exit code 1 after \d+ ms$/);
    expect(await replica.evidence(20)).toEqual({
      exit: 'exit code 1',
      lines: ['fatal: cannot parse DATABASE_URL'],
    });
    expect(changes()).toBe(1);
  });

  test('it ends by itself, and calls that success', async () => {
    const { replica } = make('exit-zero-at-start.ts');

    await replica.start();

    expect(replica.trouble).toMatchObject({ cause: 'exited', isConclusive: true });
    expect(await replica.evidence(20)).toEqual({ exit: 'exit code 0', lines: ['nothing to do'] });
  });

  test('it listens nowhere', async () => {
    const { replica } = make('never-listens.ts');

    void replica.start();
    await until('that is said', () => replica.trouble !== undefined);

    expect(replica.trouble).toMatchObject({ cause: 'not-listening', isConclusive: false });
    expect(replica.trouble?.message).toMatch(/^nothing listens on PORT \(here \d+\)$/);
    await until('it has printed', async () => (await replica.evidence(20)).lines.length > 0);
    expect(await replica.evidence(20)).toEqual({ lines: ['waiting for the database'] });
  });

  test.skipIf(process.platform !== 'linux')('it listens elsewhere, and that port is named', async () => {
    const { replica } = make('listens-elsewhere.ts');

    void replica.start();
    await until('that is said', () => replica.trouble?.message.includes('instead') ?? false);

    const [line = ''] = (await replica.evidence(1)).lines;
    const port = new URL(line.replace('listening on ', '')).port;
    expect(replica.trouble?.message).toEndWith(`; it listens on ${port} instead`);
  });

  test('its readiness answers badly', async () => {
    const { replica } = make('never-ready.ts', { probes: { ready: '/readyz', timeoutMs: 1_000 } });

    void replica.start();
    await until('that is said', () => replica.trouble?.cause === 'never-ready');

    expect(replica.trouble?.message).toBe('GET /readyz answered 503');
    expect(replica.phase).toBe('starting');
  });

  test('its readiness does not answer in time', async () => {
    const { replica } = makeScript(
      'Bun.serve({ port: process.env.PORT, fetch: () => new Promise(() => {}) });',
      { probes: { ready: '/readyz', timeoutMs: 20 } },
    );

    void replica.start();
    await until('that is said', () => replica.trouble?.cause === 'never-ready');

    expect(replica.trouble?.message).toBe('GET /readyz did not answer in 20 ms');
  });

  test('a declared path answers badly, which waiting does not mend', async () => {
    const { replica } = make('error-on-declared-path.ts', { probes: { ready: '/readyz', timeoutMs: 1_000 } });

    void replica.start();
    await until('it is decided', () => replica.phase === 'ready' || replica.trouble?.isConclusive === true);

    expect(replica.trouble).toEqual({
      cause: 'declared-path',
      message: 'GET / answered 500',
      isConclusive: true,
    });
    expect(replica.phase).toBe('starting');
  });

  test('a declared path answers badly at first, as when it waits for another service: it is ready later', async () => {
    const { replica } = makeScript(
      `let asked = 0;
       Bun.serve({ port: process.env.PORT, routes: { '/readyz': new Response('ok') },
         fetch: () => new Response('', { status: (asked += 1) < 4 ? 500 : 200 }) });`,
      { probes: { ready: '/readyz', timeoutMs: 1_000 } },
    );

    await replica.start();

    expect(replica.phase).toBe('ready');
    expect(replica.trouble).toBeUndefined();
  });

  test('its program is not there', async () => {
    const { replica } = make('good.ts', {}, { argv: ['no-such-program', 'x'] });

    await replica.start();

    expect(replica.phase).toBe('ended');
    expect(replica.trouble).toMatchObject({ cause: 'crashed', isConclusive: true });
    expect(replica.trouble?.message).toStartWith('no-such-program did not start: ');
  });

  test('a secret cannot be read', async () => {
    const { replica } = make(
      'good.ts',
      {},
      {
        env: () => {
          throw new Error('the secrets are gone');
        },
      },
    );

    await replica.start();

    expect(replica.trouble?.message).toContain('the secrets are gone');
  });
});

describe('a port that another program took meanwhile', () => {
  test('is left to it, and another is tried, of which nobody is told', async () => {
    const holder = await hold();
    const { replica, changes } = make('good.ts', {}, { choosePort: inTurn([holder.port, findFreePort()]) });

    await replica.start();

    expect(replica.phase).toBe('ready');
    expect(changes()).toBe(1);
    expect(await (await replica.forward('/', {})).json()).toMatchObject({ mark: 'one' });
    await until('both attempts have printed', () => printed(replica).includes('listening on'));
    expect(printed(replica)).toContain('EADDRINUSE');
  });

  test('three times over is the end', async () => {
    const holders = [await hold(), await hold(), await hold()];
    const { replica, changes } = make('good.ts', {}, { choosePort: inTurn(holders.map(({ port }) => port)) });

    await replica.start();

    expect(replica.trouble).toMatchObject({ cause: 'crashed', isConclusive: true });
    expect((await replica.evidence(20)).lines.join('\n')).toContain('EADDRINUSE');
    expect(changes()).toBe(1);
  });
});

describe('a replica that is retired', () => {
  test('finishes what is in flight, then gets SIGTERM and ends by itself', async () => {
    const { replica } = make('good.ts');
    await replica.start();
    const { answer } = await slowRequest(replica, 100);

    const retired = replica.retire();
    const phase = replica.phase;
    await retired;

    expect(phase).toBe('draining');
    expect((await answer).status).toBe(200);
    expect(replica.wasCut).toBe(false);
    expect(replica.phase).toBe('ended');
    expect(replica.trouble).toBeUndefined();
    expect((await replica.evidence(1)).exit).toBe('exit code 0');
  });

  test('at rest ends at once', async () => {
    const { replica } = make('plain.ts');
    await replica.start();

    await replica.retire();

    expect((await replica.evidence(1)).exit).toBe('signal SIGTERM');
    expect(replica.wasCut).toBe(false);
  });

  test('is cut when its drain time is over', async () => {
    const { replica } = make('plain.ts', { drainMs: 20 });
    await replica.start();
    const { answer } = await slowRequest(replica, 60_000);

    await replica.retire();

    expect(replica.wasCut).toBe(true);
    await expect(answer).rejects.toThrow();
  });

  test('is ended by SIGKILL when it does not listen to SIGTERM', async () => {
    const { replica } = make('ignores-sigterm.ts', { drainMs: 20 });
    await replica.start();

    await replica.retire();

    expect(await replica.evidence(1)).toEqual({ exit: 'signal SIGKILL', lines: ['SIGTERM ignored'] });
    expect(replica.wasCut).toBe(false);
  });

  test('takes with it what it started', async () => {
    const { replica } = make('forks-a-child.ts');
    await replica.start();
    const child = Number(/child (\d+)/.exec(printed(replica))?.[1]);
    const wasAlive = birthOf(child) !== undefined;

    await replica.retire();
    await until('its child has ended', () => birthOf(child) === undefined);

    expect(wasAlive).toBe(true);
  });

  test('while it starts is never ready', async () => {
    const { replica } = make('never-listens.ts');
    const started = replica.start();

    await replica.retire();
    await started;

    expect(replica.phase).toBe('ended');
  });

  test('twice is retired once, and after its end at once', async () => {
    const { replica } = make('plain.ts');
    await replica.start();

    await Promise.all([replica.retire(), replica.retire()]);
    await replica.retire();

    expect(replica.phase).toBe('ended');
  });

  test('because it hangs is ended at once, with what it has in flight', async () => {
    const { replica } = make('plain.ts', { drainMs: 60_000 });
    await replica.start();
    const { answer } = await slowRequest(replica, 60_000);

    await replica.retire({ isHung: true });

    expect((await replica.evidence(1)).exit).toBe('signal SIGKILL');
    expect(replica.wasCut).toBe(false);
    await expect(answer).rejects.toThrow();
  });
});

describe('a replica that was ready', () => {
  test('and dies by itself says how, to the last line', async () => {
    const { replica } = make('crash-under-traffic.ts');
    await replica.start();

    await ask(replica, 45);
    await until('it has ended', () => replica.phase === 'ended');

    expect(replica.trouble?.message).toMatch(/^exit code 1 after /);
    expect((await replica.evidence(20)).lines.join('\n')).toContain('connection to the database was lost');
  });

  test('and is killed says by which signal', async () => {
    const { replica } = make('killed-under-traffic.ts');
    await replica.start();

    await ask(replica, 45);
    await until('it has ended', () => replica.phase === 'ended');

    expect(replica.trouble?.message).toMatch(/^signal SIGKILL after /);
  });

  test('and is not live any more is ended', async () => {
    const { replica } = make(
      'hangs-under-traffic.ts',
      { probes: { live: '/livez', timeoutMs: 30 } },
      { checkMs: 20 },
    );
    await replica.start();

    void ask(replica, 45);
    await until('it has ended', () => replica.phase === 'ended');

    expect(replica.trouble).toEqual({
      cause: 'hung',
      message: 'GET /livez did not answer in 30 ms, 3 times',
      isConclusive: true,
    });
    expect((await replica.evidence(1)).exit).toBe('signal SIGKILL');
  });

  test('and is not any more, gets no traffic until it is ready again', async () => {
    const { replica } = makeScript(
      `let status = 200;
       Bun.serve({ port: process.env.PORT, routes: {
         '/': new Response('ok'),
         '/readyz': () => new Response('', { status }),
         '/flip': () => { status = status === 200 ? 503 : 200; return new Response('ok'); } } });`,
      { probes: { ready: '/readyz', timeoutMs: 1_000 } },
    );
    await replica.start();

    await replica.forward('/flip', {});
    await until('it is taken out', () => replica.phase === 'starting');
    const trouble = replica.trouble;
    await replica.forward('/flip', {});
    await until('it is back', () => replica.phase === 'ready');

    expect(trouble).toEqual({
      cause: 'never-ready',
      message: 'GET /readyz answered 503',
      isConclusive: false,
    });
    expect(replica.trouble).toBeUndefined();
    expect(replica.restarts).toBe(0);
  });

  test('keeps a request whole that takes longer than idle connections are kept', async () => {
    const { replica } = make('good.ts');
    await replica.start();

    const answer = await replica.forward('/slow?ms=1100', {});

    expect(await answer.json()).toMatchObject({ ms: 1100 });
  });
});

test('every process that is started and that ends is noted', async () => {
  const noted: string[] = [];
  const { replica } = make(
    'plain.ts',
    {},
    { onProcess: (pid, isRunning) => noted.push(`${pid} ${isRunning}`) },
  );

  await replica.start();
  const { pid } = replica;
  await replica.retire();

  expect(noted).toEqual([`${pid} true`, `${pid} false`]);
});

test('a log that is flooded is bounded, and its last line kept', async () => {
  const { replica } = make('floods-the-log.ts');

  await replica.start();
  await until(
    'all is printed',
    async () => (await replica.evidence(1)).lines[0]?.startsWith('listening') ?? false,
  );

  expect((await replica.evidence(2)).lines[0]).toBe('last line of the flood');
});

interface Options extends Partial<ProcessLifeOptions> {
  readonly checkMs?: number;
}

function make(fixture: string, settings: Partial<Settings> = {}, { checkMs = 10, ...options }: Options = {}) {
  const { paths } = newState();
  const release = makeRelease({ artifact: 'sha256:a', command: [], settings: fakeSettings(settings) });
  let changes = 0;
  const replica = new Replica({
    id: 'r-1',
    running: { release },
    restarts: 0,
    begin: processLife({
      argv: [process.execPath, fixture],
      workingFolder: fixtures,
      env: () => fakeBaseEnv,
      choosePort: findFreePort,
      onProcess: () => undefined,
      ...options,
    }),
    workingFolder: fixtures,
    logFolder: join(paths.logs, 'r-1'),
    checkMs,
    onChange: () => {
      changes += 1;
    },
  });
  replicas.push(replica);
  return { replica, changes: () => changes };
}

function makeScript(code: string, settings: Partial<Settings> = {}, options: Options = {}) {
  return make('', settings, { argv: [process.execPath, '-e', code], ...options });
}

function newState(): FakeState {
  const state = makeState();
  states.push(state);
  return state;
}

/** A request that is in flight when this returns: the service has answered one that was sent later. */
async function slowRequest(replica: Replica, ms: number): Promise<{ readonly answer: Promise<Response> }> {
  replica.begin();
  const answer = replica.forward(`/slow?ms=${ms}`, {}).finally(() => replica.finish());
  answer.catch(() => undefined);
  await ask(replica, 1);
  return { answer };
}

async function ask(replica: Replica, times: number): Promise<void> {
  const answers = Array.from({ length: times }, () =>
    replica.forward('/', {}).then((response) => response.text()),
  );
  await Promise.allSettled(answers);
}

/** A program that has a port, and says nothing on it. */
async function hold() {
  const holder = await serveRaw((socket) => socket.destroy());
  others.push(holder);
  return holder;
}

function inTurn(ports: readonly number[]): () => number {
  let turn = 0;
  return () => ports[turn++] ?? 0;
}

function printed({ logFolder }: Replica): string {
  const path = join(logFolder, 'out');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
