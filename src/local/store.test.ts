import { afterEach, describe, expect, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Artifact } from '../core/environment.ts';
import { makeRelease, type Release } from '../core/release.ts';
import { packLayer } from '../image/layer.ts';
import { type FakeState, fakeRecord, fakeSettings, makeState, until } from './fake-state.ts';
import { openHistory } from './history.ts';
import {
  artifactFolder,
  clearReleases,
  clearSecrets,
  isStored,
  keptReleases,
  readSecrets,
  storeRelease,
  storeSecrets,
} from './store.ts';

const minute = 60_000;
const states: FakeState[] = [];

afterEach(() => {
  for (const state of states.splice(0)) state[Symbol.dispose]();
});

describe('a release that is stored', () => {
  test('is there with its files and its manifest', async () => {
    const { paths } = newState();
    const artifact = await pack({ 'main.ts': 'console.log(1)' });
    const release = releaseOf(artifact);

    await storeRelease(paths, release, artifact);

    expect(isStored(paths, release)).toBe(true);
    expect(readFileSync(join(artifactFolder(paths, artifact.digest), 'main.ts'), 'utf8')).toBe(
      'console.log(1)',
    );
    expect(await openHistory(paths).release(release.id)).toEqual(release);
  });

  test('shares its files with another release of the same content', async () => {
    const { paths } = newState();
    const artifact = await pack({ 'main.ts': 'console.log(1)' });
    await storeRelease(paths, releaseOf(artifact), artifact);
    const folder = artifactFolder(paths, artifact.digest);
    writeFileSync(join(folder, 'proof'), 'unpacked once');

    await storeRelease(paths, releaseOf(artifact, { A: '1' }), artifact);
    await storeRelease(paths, releaseOf(artifact), artifact);

    expect(existsSync(join(folder, 'proof'))).toBe(true);
    expect(releasesIn(paths.releases).length).toBe(2);
  });

  test('is stored once by two who store it at the same moment', async () => {
    const { paths } = newState();
    const artifact = await pack({ 'main.ts': 'console.log(1)' });
    const release = releaseOf(artifact);
    const module = JSON.stringify(join(import.meta.dir, 'store.ts'));
    const code = `
      import { storeRelease } from ${module};
      const { paths, release, digest, tar } = JSON.parse(await Bun.stdin.text());
      await storeRelease(paths, release, { digest, tar: Uint8Array.fromBase64(tar) });`;
    const given = JSON.stringify({ paths, release, digest: artifact.digest, tar: artifact.tar.toBase64() });

    const children = Array.from({ length: 4 }, () =>
      Bun.spawn([process.execPath, '-e', code], { stdio: [new Blob([given]), 'inherit', 'inherit'] }),
    );
    const exits = await Promise.all(children.map((child) => child.exited));

    expect(exits).toEqual([0, 0, 0, 0]);
    expect(readdirSync(artifactFolder(paths, artifact.digest))).toEqual(['main.ts']);
    expect(readdirSync(paths.artifacts).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test.each([
    ['another command stores', false],
    ['was damaged and another command stores anew', true],
  ])('and %s while it is unpacked is left as it is: it may run already', async (_, isDamaged) => {
    const { paths } = newState();
    const artifact = await pack({ 'main.ts': 'console.log(1)' });
    const release = releaseOf(artifact);
    const folder = artifactFolder(paths, artifact.digest);
    if (isDamaged) {
      await storeRelease(paths, release, artifact);
      writeFileSync(join(folder, 'main.ts'), 'conso');
    }
    let reads = 0;
    const raced: Artifact = {
      digest: artifact.digest,
      get tar() {
        reads += 1;
        // Read to compare, where there is something to compare with, and to unpack.
        if (reads === (isDamaged ? 2 : 1)) {
          if (isDamaged) renameSync(folder, `${folder}.before`);
          mkdirSync(folder);
          writeFileSync(join(folder, 'main.ts'), 'console.log(1)');
          writeFileSync(join(folder, 'proof'), 'of the other command');
        }
        return artifact.tar;
      },
    };

    await storeRelease(paths, release, raced);

    expect(existsSync(join(folder, 'proof'))).toBe(true);
    expect(readdirSync(paths.artifacts).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('whose files cannot be unpacked is not there, and can be stored afterwards', async () => {
    const { paths } = newState();
    const artifact = await pack({ 'main.ts': 'console.log(1)', 'z/other.ts': 'x'.repeat(2_000) });
    const release = releaseOf(artifact);
    const cut = { digest: artifact.digest, tar: artifact.tar.subarray(0, 1_700) };

    const failure = await storeRelease(paths, release, cut).then(
      () => undefined,
      (error: unknown) => error,
    );
    const wasStored = isStored(paths, release);
    await storeRelease(paths, release, artifact);

    expect(failure).toBeDefined();
    expect(wasStored).toBe(false);
    expect(isStored(paths, release)).toBe(true);
    expect(readdirSync(paths.artifacts).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  for (const [what, damageFile] of Object.entries({
    'is missing': (path: string) => rmSync(path),
    'was cut': (path: string) => writeFileSync(path, 'conso'),
    'has other bytes': (path: string) => writeFileSync(path, 'console.log(2)'),
    'is a folder now': (path: string) => {
      rmSync(path);
      mkdirSync(path);
    },
  })) {
    test(`of which a file ${what} is stored anew by who stores it again`, async () => {
      const { paths } = newState();
      const artifact = await pack({ 'main.ts': 'console.log(1)' });
      const first = await storeRelease(paths, releaseOf(artifact), artifact);
      const main = join(artifactFolder(paths, artifact.digest), 'main.ts');
      damageFile(main);

      const second = await storeRelease(paths, releaseOf(artifact), artifact);

      expect([first, second]).toEqual([false, true]);
      expect(readFileSync(main, 'utf8')).toBe('console.log(1)');
      expect(readdirSync(paths.artifacts).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    });
  }

  test('is stored over what one that was killed left half unpacked', async () => {
    const { paths } = newState();
    const artifact = await pack({ 'main.ts': 'console.log(1)' });
    const left = `${artifactFolder(paths, artifact.digest)}.${process.pid}.tmp`;
    mkdirSync(left);
    writeFileSync(join(left, 'main.ts'), 'conso');

    await storeRelease(paths, releaseOf(artifact), artifact);

    const folder = artifactFolder(paths, artifact.digest);
    expect(readFileSync(join(folder, 'main.ts'), 'utf8')).toBe('console.log(1)');
  });
});

describe('clearing away', () => {
  test('keeps the last good releases and those in use, and nothing else that is old', () => {
    const { paths } = newState();
    const good = Array.from({ length: keptReleases + 3 }, (_, n) => store(paths, `good-${n}`));
    const bad = store(paths, 'bad');
    const running = store(paths, 'running');
    const records = [
      ...good.map(({ id }) => fakeRecord({ id: `of ${id}`, release: id })),
      fakeRecord({ id: 'x', release: bad.id, verdict: { kind: 'failed', cause: 'crashed', message: 'x' } }),
    ];
    const left = join(paths.artifacts, 'half.123.tmp');
    mkdirSync(left);

    clearReleases(paths, records, [running], Date.now() + 11 * minute);

    const kept = [...good.slice(3), running];
    expect(releasesIn(paths.releases)).toEqual(kept.map(({ id }) => id).sort());
    expect(kept.every((release) => isStored(paths, release))).toBe(true);
    expect([...good.slice(0, 3), bad].some((release) => isStored(paths, release))).toBe(false);
    expect(existsSync(left)).toBe(false);
  });

  test('keeps what was stored in the last ten minutes: a command may be about to roll it out', () => {
    const { paths } = newState();
    const fresh = store(paths, 'fresh');

    clearReleases(paths, [], [], Date.now() + 9 * minute);

    expect(releasesIn(paths.releases)).toEqual([fresh.id]);
    expect(isStored(paths, fresh)).toBe(true);
  });

  test('keeps the old files of a release that was stored anew', async () => {
    const { paths } = newState();
    const artifact = await pack({ 'main.ts': 'console.log(1)' });
    const release = releaseOf(artifact);
    await storeRelease(paths, release, artifact);
    const storedAt = statSync(artifactFolder(paths, artifact.digest)).ctimeMs;
    await until('it is later', () => Date.now() > storedAt + 5);
    await storeRelease(paths, release, artifact);

    clearReleases(paths, [], [], storedAt + 10 * minute);

    expect(isStored(paths, release)).toBe(true);
  });

  test('keeps an artifact as long as one kept release is made of it', async () => {
    const { paths } = newState();
    const artifact = await pack({ 'main.ts': 'console.log(1)' });
    const [kept, gone] = [releaseOf(artifact, { A: '1' }), releaseOf(artifact, { A: '2' })];
    for (const release of [kept, gone]) await storeRelease(paths, release, artifact);

    const records = [fakeRecord({ id: 'x', release: kept.id })];

    clearReleases(paths, records, [], Date.now() + 11 * minute);

    expect(releasesIn(paths.releases)).toEqual([kept.id]);
    expect(isStored(paths, kept)).toBe(true);
  });
});

describe('secrets', () => {
  test('that are the same keep their name, others get another, which says nothing of them', () => {
    const { paths } = newState();

    const first = storeSecrets(paths, { TOKEN: 'amber' }, { inUse: [], isFresh: false });
    const same = storeSecrets(paths, { TOKEN: 'amber' }, { inUse: [undefined, first], isFresh: false });
    const other = storeSecrets(paths, { TOKEN: 'birch' }, { inUse: [first], isFresh: false });
    const back = storeSecrets(paths, { TOKEN: 'amber' }, { inUse: [other], isFresh: false });

    expect(first).toMatch(/^[0-9a-f]{12}$/);
    expect(same).toBe(first);
    expect(new Set([first, other, back]).size).toBe(3);
    expect(readSecrets(paths, other)).toEqual({ TOKEN: 'birch' });
  });

  test('are the same in whatever order they were read', () => {
    const { paths } = newState();

    const first = storeSecrets(paths, { A: '1', B: '2' }, { inUse: [], isFresh: false });
    const second = storeSecrets(paths, { B: '2', A: '1' }, { inUse: [first], isFresh: false });

    expect(second).toBe(first);
  });

  test('that are asked for anew get another name, though they are the same', () => {
    const { paths } = newState();
    const first = storeSecrets(paths, { TOKEN: 'amber' }, { inUse: [], isFresh: false });

    const again = storeSecrets(paths, { TOKEN: 'amber' }, { inUse: [first], isFresh: true });

    expect(again).not.toBe(first);
    expect(readSecrets(paths, again)).toEqual({ TOKEN: 'amber' });
  });

  test('can be read by their user alone', () => {
    const { paths } = newState();

    const name = storeSecrets(paths, { TOKEN: 'amber' }, { inUse: [], isFresh: false });

    expect(statSync(join(paths.secrets, `${name}.json`)).mode & 0o777).toBe(0o600);
    expect(statSync(paths.secrets).mode & 0o777).toBe(0o700);
  });

  test('of which there are none need no name', () => {
    const { paths } = newState();

    expect(storeSecrets(paths, {}, { inUse: [], isFresh: false })).toBeUndefined();
    expect(readSecrets(paths, undefined)).toEqual({});
    expect(readdirSync(paths.secrets)).toEqual([]);
  });

  test('that are not in use are cleared away at once', () => {
    const { paths } = newState();
    const [first, second] = ['amber', 'birch'].map((TOKEN) =>
      storeSecrets(paths, { TOKEN }, { inUse: [], isFresh: false }),
    );

    clearSecrets(paths, [undefined, second]);

    expect(readdirSync(paths.secrets)).toEqual([`${second}.json`]);
    expect(() => readSecrets(paths, first)).toThrow();
  });
});

function newState(): FakeState {
  const state = makeState();
  states.push(state);
  return state;
}

async function pack(files: Record<string, string>): Promise<Artifact> {
  const tar = await packLayer(
    Object.entries(files).map(([path, content]) => ({
      path,
      content: Buffer.from(content),
      isExecutable: false,
    })),
  );
  return { digest: `sha256:${Bun.SHA256.hash(tar, 'hex')}`, tar };
}

function releaseOf({ digest }: Pick<Artifact, 'digest'>, env: Record<string, string> = {}): Release {
  return makeRelease({ artifact: digest, command: ['bun', 'main.ts'], settings: fakeSettings({ env }) });
}

/** A release with an artifact of its own, written without the way through a tar. */
function store(paths: FakeState['paths'], name: string): Release {
  const release = releaseOf({ digest: `sha256:${name}` });
  mkdirSync(artifactFolder(paths, release.artifact));
  writeFileSync(join(paths.releases, `${release.id}.json`), JSON.stringify(release));
  return release;
}

function releasesIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .map((name) => name.replace('.json', ''))
    .sort();
}
