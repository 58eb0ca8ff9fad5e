import { afterEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environmentOf, type LocalConfig, parseConfig } from '../core/config.ts';
import type { Environment } from '../core/environment.ts';
import { errorOf } from '../core/error-of.ts';
import { makeRelease } from '../core/release.ts';
import { birthOf } from './birth.ts';
import { noteEngine } from './engine/engine-note.ts';
import { FakeEngine } from './engine/fake-engine.ts';
import { openLocal } from './environment.ts';
import { fakeRecord, fakeSettings, until } from './fake-state.ts';
import { findFreePort } from './free-port.ts';
import { openHistory } from './history.ts';
import { readLiveLock } from './lock.ts';
import { pathsOf } from './paths.ts';
import { artifactFolder } from './store.ts';

const opened: { readonly close: () => unknown }[] = [];
const { signal } = new AbortController();

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

test('a status that is asked for when the supervisor was killed waits until it is back', async () => {
  const { open, pathsFor } = ground();
  const local = open('local');
  await local.make(signal);
  const { pid = 0 } = readLiveLock(pathsFor('local')) ?? {};
  process.kill(pid, 'SIGKILL');
  await until('it has ended', () => birthOf(pid) === undefined);

  const { state } = await local.status(signal);

  expect(state).toBe('empty');
});

test('one that is made anew and killed before its first rollout does not serve what was taken down', async () => {
  const { open, pathsFor } = ground();
  const local = open('local');
  const paths = pathsFor('local');
  const good = makeRelease({ artifact: 'sha256:a', command: ['true'], settings: fakeSettings() });
  for (const folder of [paths.releases, artifactFolder(paths, good.artifact)])
    mkdirSync(folder, { recursive: true });
  writeFileSync(join(paths.releases, `${good.id}.json`), JSON.stringify(good));
  await openHistory(paths).append(fakeRecord({ id: 'one', release: good.id }));
  await local.make(signal);
  const { pid = 0 } = readLiveLock(paths) ?? {};

  process.kill(pid, 'SIGKILL');
  await until('it has ended', () => birthOf(pid) === undefined);

  expect((await local.status(signal)).state).toBe('empty');
});

test('another environment of the project that is open at the port is named, with how it is taken down', async () => {
  const { open, folder, port } = ground();
  await open('local').make(signal);
  const rehearsal = open('rehearsal');

  const findings = await rehearsal.doctor(signal);
  const error = await errorOf(rehearsal.make(signal));

  expect(error.code).toBe('port_busy');
  expect(error.message).toBe(`port ${port} of 127.0.0.1 is taken by shop’s local, made from ${folder}`);
  expect(error.hint).toStartWith('causeway down local takes it down, or give the environment another port');
  expect(findings).toContainEqual({ isProblem: true, message: error.message, hint: error.hint });
});

test('one that the project made under an earlier name is taken down with all others: its config names it no more', async () => {
  const { open, folder, port } = ground();
  await open('local').make(signal);

  const error = await errorOf(open('local', 'process', 'renamed').make(signal));

  expect(error.message).toBe(`port ${port} of 127.0.0.1 is taken by shop’s local, made from ${folder}`);
  expect(error.hint).toStartWith('causeway down --all takes it down, or give the environment another port');
});

describe('an environment of containers', () => {
  test('is not made where no engine answers, and nothing is left of it', async () => {
    const { open, folder } = ground();
    const environment = open('container', 'container');

    const error = await errorOf(environment.make(signal));

    expect(error.code).toBe('engine_missing');
    expect(error.message).toContain(join(folder, 'engine.sock'));
    expect((await environment.status(signal)).state).toBe('absent');
    expect(await environment.doctor(signal)).toContainEqual({
      isProblem: true,
      message: error.message,
      hint: error.hint,
    });
  });

  test('is made where one answers, and leaves nothing in it', async () => {
    const { open, folder } = ground();
    const engine = new FakeEngine({ socket: join(folder, 'engine.sock'), workingFolder: folder });
    opened.push({ close: () => engine.stop() });
    const environment = open('container', 'container');

    await environment.expectNeeds?.(signal);
    await environment.make(signal);
    const findings = await environment.doctor(signal);
    const receipt = await environment.down(signal);

    expect(findings.filter(({ isProblem }) => isProblem)).toEqual([]);
    expect(findings.map(({ message }) => message)).toContain(
      `the Docker engine 20.10.24 answers at ${engine.socket}`,
    );
    expect(receipt.items.every(({ isGone }) => isGone)).toBe(true);
  });

  test('is taken down where the engine answers with errors, and the receipt says what they are', async () => {
    const { open, folder, pathsFor } = ground();
    const engine = new FakeEngine({ socket: join(folder, 'engine.sock'), workingFolder: folder });
    opened.push({ close: () => engine.stop() });
    const environment = open('container', 'container');
    await environment.make(signal);
    noteEngine(pathsFor('container'), engine.socket);
    engine.refuse = (request) =>
      request === 'GET /version' ? undefined : { status: 500, message: 'the disk is full' };

    const receipt = await environment.down(signal);

    expect(receipt.items.filter(({ isGone }) => !isGone)).toEqual([
      {
        what: `what may be in the engine at ${engine.socket} (the Docker engine could not list containers: the disk is full)`,
        isGone: false,
      },
    ]);
    expect((await environment.status(signal)).state).toBe('absent');
    engine.refuse = () => undefined;
    expect((await environment.down(signal)).items.every(({ isGone }) => isGone)).toBe(true);
  });
});

function ground() {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-environment-'));
  const port = findFreePort();
  // The docker command need not be on the machine that runs the tests.
  writeFileSync(join(folder, 'docker'), '#!/bin/sh\n', { mode: 0o755 });
  opened.push({ close: () => rmSync(folder, { recursive: true, force: true }) });
  const env = {
    PATH: `${process.env.PATH}:${folder}`,
    HOME: folder,
    XDG_STATE_HOME: join(folder, 'state'),
    XDG_RUNTIME_DIR: folder,
    DOCKER_HOST: `unix://${join(folder, 'engine.sock')}`,
  };
  const about = { project: 'shop', folder, env, uid: process.getuid?.() ?? 0 };
  return {
    folder,
    port,
    pathsFor: (environment: string) => pathsOf({ ...about, environment }),
    open(name: string, runner: 'process' | 'container' = 'process', project = 'shop'): Environment {
      const environments = { [name]: { target: 'local', port, runner } };
      const config = parseConfig({ project, service: { entry: 'main.ts' }, environments }, 'config');
      const environment = openLocal({
        ...about,
        project,
        name,
        config: environmentOf(config, name) as LocalConfig,
        runtime: process.execPath,
        trace: () => undefined,
      });
      opened.push({ close: () => environment.down(signal) });
      return environment;
    },
  };
}
