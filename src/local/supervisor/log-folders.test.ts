import { afterEach, expect, test } from 'bun:test';
import { mkdirSync, readdirSync, utimesSync } from 'node:fs';
import { basename } from 'node:path';
import { type FakeState, makeState } from '../fake-state.ts';
import { clearLogs, commandLogFolder, replicaLogFolder, replicaName } from './log-folders.ts';

let state: FakeState | undefined;

afterEach(() => state?.[Symbol.dispose]());

test('the last sixty logs are kept, of replicas and of release commands, and those of replicas that run', () => {
  state = makeState();
  const { logs } = state.paths;
  const folders = Array.from({ length: 70 }, (_, n) =>
    n % 7 === 0 ? commandLogFolder(logs, 'bbbbbbbb', `r${n}`) : replicaLogFolder(logs, `aaaaaaa-${n}-1`),
  );
  for (const [n, folder] of folders.entries()) {
    mkdirSync(folder);
    utimesSync(folder, n, n);
  }
  const names = folders.map((folder) => basename(folder));
  const running = names.slice(1, 3);

  clearLogs(logs, running);

  expect(readdirSync(logs).sort()).toEqual([...running, ...names.slice(10)].sort());
});

test('a release command is found again by its rollout, and belongs to its release', () => {
  state = makeState();
  const { logs } = state.paths;
  const folder = commandLogFolder(logs, '9f3c2a1b0', 'r1');
  mkdirSync(folder);

  expect(commandLogFolder(logs, '9f3c2a1b0', 'r1')).toBe(folder);
  expect(commandLogFolder(logs, '9f3c2a1b0', 'r2')).not.toBe(folder);
  expect(basename(folder)).toStartWith('9f3c2a1-');
});

test('a replica is named after its release, and no two alike', () => {
  const names = [replicaName('9f3c2a1b', 1), replicaName('9f3c2a1b', 2)];

  for (const name of names) expect(name).toMatch(/^9f3c2a1-\d{13}-\d$/);
  expect(new Set(names).size).toBe(2);
});
