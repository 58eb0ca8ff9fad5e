import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { RolloutRecord } from '../core/record.ts';
import { makeRelease, type Release, type Settings } from '../core/release.ts';
import type { Rollout } from '../core/rollout.ts';
import { type Paths, pathsIn } from './paths.ts';
import { artifactFolder } from './store.ts';

export interface FakeState {
  readonly folder: string;
  readonly paths: Paths;
  /** A release whose artifact is the folder of fixtures, run by this program. */
  readonly release: (fixture: string, settings?: Partial<Settings>) => Release;
  readonly [Symbol.dispose]: () => void;
}

/** A state folder as a supervisor makes it, in a temporary folder. */
export function makeState(): FakeState {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-state-'));
  const root = join(folder, 'state');
  const paths = pathsIn(root, join(folder, 'socket', 'control.sock'));
  for (const path of [paths.root, paths.releases, paths.artifacts, paths.secrets, paths.logs])
    mkdirSync(path, { recursive: true, mode: 0o700 });
  symlinkSync(fixtures, artifactFolder(paths, fixturesArtifact));
  return {
    folder,
    paths,
    release: (fixture, settings) =>
      makeRelease({
        artifact: fixturesArtifact,
        command: ['bun', fixture],
        settings: fakeSettings(settings),
      }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What a process gets of this machine's environment. */
export const fakeBaseEnv = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` };

export const fixtures = join(import.meta.dir, '..', '..', 'e2e', 'fixtures');
const fixturesArtifact = `sha256:${'f'.repeat(64)}`;

export function fakeSettings(settings: Partial<Settings> = {}): Settings {
  return {
    env: {},
    secrets: [],
    port: 8080,
    paths: ['/'],
    probes: { timeoutMs: 5_000 },
    drainMs: 5_000,
    ...settings,
  };
}

export function fakeRecord(record: Partial<RolloutRecord> & Pick<RolloutRecord, 'id'>): RolloutRecord {
  return {
    schemaVersion: 1,
    kind: 'deploy',
    release: 'r'.repeat(64),
    artifact: `sha256:${'a'.repeat(64)}`,
    by: 'ada',
    startedAt: 1_000,
    endedAt: 2_000,
    verdict: { kind: 'good' },
    traffic: { requests: 0, errors: 0, lost: 0, retried: 0 },
    ...record,
  };
}

/** A rollout that is under way. */
export const fakeRollout: Rollout = {
  id: 'x',
  kind: 'deploy',
  by: 'ada',
  startedAt: 1_000,
  release: 'r',
  artifact: 'a',
  command: 'none',
};

/** Looks until the claim holds. */
export async function until(what: string, claim: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await claim())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await Bun.sleep(2);
  }
}
