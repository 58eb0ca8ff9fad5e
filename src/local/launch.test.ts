import { afterEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { birthOf } from './birth.ts';
import { ControlClient } from './control-client.ts';
import { clearAway, endProcess } from './down.ts';
import { type FakeState, makeState, until } from './fake-state.ts';
import { findFreePort, isFree } from './free-port.ts';
import { type LaunchOptions, launchSupervisor, placeRuntime } from './launch.ts';
import { readLiveLock } from './lock.ts';
import type { Paths } from './paths.ts';
import { protocol } from './protocol.ts';
import { serveRaw } from './supervisor/raw-http.ts';

const opened: { readonly close: () => unknown }[] = [];
const { signal } = new AbortController();

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

test('a supervisor answers when it is launched, from code and runtime of its own beside the state', async () => {
  const { launch, paths, options } = make();

  const hello = await launch();

  expect(hello).toMatchObject({ protocol, status: { environment: 'local', state: 'empty' } });
  expect(hello.status.url).toBe(`http://127.0.0.1:${options.port}`);
  const { stdout } = Bun.spawnSync(['ps', '-o', 'args=', '-p', String(hello.pid)]);
  expect(stdout.toString()).toStartWith(`${join(paths.runtime, 'bun')} --no-install --no-env-file`);
  expect(readLiveLock(paths)?.pid).toBe(hello.pid);
});

test('its socket and its folders can be opened by their user alone', async () => {
  const { launch, paths } = make();

  await launch();

  const modes = [paths.root, dirname(paths.socket), paths.secrets, paths.logs].map(modeOf);
  expect(modes).toEqual([0o700, 0o700, 0o700, 0o700]);
  expect([paths.socket, paths.lock, paths.supervisorLog].map(modeOf)).toEqual([0o600, 0o600, 0o600]);
});

test('six that are launched at once are one', async () => {
  const { launch, paths } = make();

  const hellos = await Promise.all(Array.from({ length: 6 }, launch));

  const pids = [...new Set(hellos.map(({ pid }) => pid))];
  const { stdout } = Bun.spawnSync(['ps', '-A', '-o', 'pid=,args=']);
  const ours = stdout
    .toString()
    .split('\n')
    .filter((line) => line.includes(`bun --no-install`) && line.includes(paths.root));
  const supervisors = ours.filter((line) => !line.includes('causeway-keeper'));
  expect(supervisors.map((line) => Number.parseInt(line.trim(), 10))).toEqual(pids);
});

test('what is placed already is not replaced under one that starts, and what another version placed is', async () => {
  const { options, paths } = make();
  const code = join(paths.runtime, 'supervisor.js');
  await placeRuntime(options);
  const first = statSync(code);

  await placeRuntime(options);
  const second = statSync(code);
  writeFileSync(code, 'another version');
  await placeRuntime(options);

  expect(second.ino).toBe(first.ino);
  expect(second.mtimeMs).toBe(first.mtimeMs);
  expect(statSync(code).size).toBe(first.size);
  expect(readdirSync(paths.runtime).toSorted()).toEqual(['bun', 'supervisor.js']);
});

test('a folder in the place of what is placed is told, and left as it is', async () => {
  const { options, paths } = make();
  const code = join(paths.runtime, 'supervisor.js');
  mkdirSync(join(code, 'of somebody'), { recursive: true });

  await expect(placeRuntime(options)).rejects.toMatchObject({
    code: 'state_not_writable',
    message: `cannot write ${code}: a folder is in its place`,
  });
  expect(readdirSync(paths.runtime)).toEqual(expect.arrayContaining(['supervisor.js']));
  expect(readdirSync(code)).toEqual(['of somebody']);
});

test('one that was stopped is launched again, and is another', async () => {
  const { launch, options } = make();
  const first = await launch();
  await options.client.call('/stop', {}, signal);
  await until('it is gone', () => birthOf(first.pid) === undefined);

  const second = await launch();

  expect(second.pid).not.toBe(first.pid);
});

test('what `down` leaves is its history alone, and the address is free', async () => {
  const { launch, paths, options } = make();
  const { status, pid } = await launch();
  const holder = readLiveLock(paths);
  await options.client.call('/stop', {}, signal);
  if (holder) await endProcess(holder, 10_000);

  const receipt = await clearAway(paths, 'local', { before: status, holder, inEngines: [] });

  expect(receipt.items).toEqual([
    { what: 'the supervisor and its keeper', isGone: true },
    { what: `the listener on 127.0.0.1:${options.port}`, isGone: true },
    { what: 'the control socket', isGone: true },
  ]);
  expect(birthOf(pid)).toBeUndefined();
  expect(isFree(options.port)).toBe(true);
  expect([paths.desired, paths.secrets, paths.runtime, paths.lock].filter(existsSync)).toEqual([]);
});

describe('a launch that fails says why', () => {
  test('when the port is taken, and by whom', async () => {
    const holder = await serveRaw((socket) => socket.destroy());
    opened.push(holder);
    const { launch } = make({ port: holder.port });

    const error = await errorOf(launch);

    const who = process.platform === 'linux' ? `pid ${process.pid} (` : 'another program';
    expect(error.code).toBe('port_busy');
    expect(error.message).toStartWith(`port ${holder.port} of 127.0.0.1 is taken by ${who}`);
    expect(error.hint).toContain('environments.local.port');
  });

  test('when the supervisor ends, with the last lines of its log', async () => {
    const { launch, paths } = make();
    mkdirSync(paths.desired);

    const error = await errorOf(launch);

    expect(error.code).toBe('supervisor_failed');
    expect(error.message).toMatch(/^the supervisor ended with exit code \d+$/);
    expect(error.hint).toContain(paths.supervisorLog);
    expect(error.details).toContain('EISDIR');
  });

  for (const [what, block] of [
    ['a folder of its state', (paths: Paths) => paths.releases],
    ['the folder of its socket', (paths: Paths) => dirname(paths.socket)],
  ] as const)
    test(`when ${what} cannot be made, and does not try again`, async () => {
      const { launch, paths } = make();
      rmSync(block(paths), { recursive: true, force: true });
      writeFileSync(block(paths), 'not a folder');

      const error = await errorOf(launch);

      expect(error.code).toBe('state_not_writable');
      expect(error.details).toContain(block(paths));
      expect(readFileSync(paths.supervisorLog, 'utf8').trim().split('\n').length).toBe(1);
    });

  test('when the state folder cannot be written', async () => {
    const { launch, paths } = make();
    rmSync(paths.root, { recursive: true });
    writeFileSync(paths.root, 'not a folder');

    const error = await errorOf(launch);

    expect(error.code).toBe('state_not_writable');
    expect(error.message).toContain(paths.root);
  });

  test('when it is given up, though the supervisor comes up for the next command', async () => {
    const { options } = make();

    const launched = launchSupervisor(options, AbortSignal.abort(new Error('given up')));
    await expect(launched).rejects.toThrow('given up');
    await until('it answers', async () => (await options.client.hello()) !== undefined);

    expect((await options.client.hello())?.status.state).toBe('empty');
  });
});

test('a log that has grown large is put aside', async () => {
  const { launch, paths } = make();
  writeFileSync(paths.supervisorLog, 'x'.repeat(2 ** 20 + 1));

  await launch();

  expect(statSync(`${paths.supervisorLog}.1`).size).toBe(2 ** 20 + 1);
  expect(statSync(paths.supervisorLog).size).toBeLessThan(100_000);
});

test('a tombstone of an earlier `down` does not keep it from coming back', async () => {
  const { launch, paths, options } = make();
  writeFileSync(paths.tombstone, '');

  const first = await launch();
  process.kill(first.pid, 'SIGKILL');
  await until('another answers', async () => {
    const now = await options.client.hello().catch(() => undefined);
    return now !== undefined && now.pid !== first.pid;
  });

  expect(existsSync(paths.tombstone)).toBe(false);
});

function make({ port = findFreePort() } = {}) {
  const state: FakeState = makeState();
  const { paths } = state;
  mkdirSync(paths.root, { recursive: true });
  const client = new ControlClient({ paths, trace: () => undefined });
  const options: LaunchOptions = {
    paths,
    folder: state.folder,
    project: 'shop',
    environment: 'local',
    port,
    runtime: process.execPath,
    env: process.env,
    client,
    trace: () => undefined,
  };
  opened.push({ close: () => takeDown(options, state) });
  return { paths, options, launch: () => launchSupervisor(options, signal) };
}

async function takeDown({ paths, client }: LaunchOptions, state: FakeState): Promise<void> {
  if (statSync(paths.root).isDirectory()) writeFileSync(paths.tombstone, '');
  await until('a supervisor that was launched was stopped', async () => {
    const lock = readLiveLock(paths);
    if (!lock) return true;
    const isStopped = await client.call('/stop', {}, signal).then(
      () => true,
      () => false,
    );
    await endProcess(lock, isStopped ? 3_000 : 0);
    return false;
  });
  state[Symbol.dispose]();
}

async function errorOf(work: () => Promise<unknown>) {
  const failure = await work().then(
    () => undefined,
    (error: unknown) => error,
  );
  return failure as { code?: string; message: string; hint?: string; details?: string };
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}
