import { afterEach, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { UserError } from '../core/errors.ts';
import { makeSocketFolder, type PathsOptions, pathsOf } from './paths.ts';

const uid = process.getuid?.() ?? 0;
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const clone: PathsOptions = {
  project: 'orders',
  folder: '/home/ada/orders',
  environment: 'local',
  env: { HOME: '/home/ada', XDG_RUNTIME_DIR: '/run/user/1000' },
  uid: 1000,
};

describe('where state lies', () => {
  test('two clones of a project, and two environments of a clone, have their own', () => {
    const all = [clone, { ...clone, folder: '/home/ada/orders-2' }, { ...clone, environment: 'demo' }].map(
      pathsOf,
    );

    expect(new Set(all.map(({ root }) => root)).size).toBe(3);
    expect(new Set(all.map(({ socket }) => socket)).size).toBe(3);
    expect(pathsOf(clone)).toEqual(pathsOf({ ...clone }));
  });

  test('it is below XDG_STATE_HOME, else below the home folder', () => {
    const { root } = pathsOf({ ...clone, env: { ...clone.env, XDG_STATE_HOME: '/var/ada' } });

    expect(dirname(root)).toBe('/var/ada/causeway');
    expect(dirname(pathsOf(clone).root)).toBe('/home/ada/.local/state/causeway');
    expect(pathsOf(clone).root).toMatch(/orders-local-[0-9a-f]{10}$/);
  });

  test('a relative or empty folder in the environment is ignored, as the supervisor runs elsewhere', () => {
    const named = ['state', './state', ''].map((folder) =>
      pathsOf({ ...clone, env: { ...clone.env, XDG_STATE_HOME: folder, XDG_RUNTIME_DIR: folder } }),
    );

    for (const { root, socket } of named) {
      expect(root).toBe(pathsOf(clone).root);
      expect(socket).toStartWith('/tmp/causeway-1000/');
    }
  });

  for (const HOME of [undefined, '', 'home/ada'])
    test(`with HOME ${JSON.stringify(HOME)} and no XDG_STATE_HOME it has no place, and that is said`, () => {
      const error = refusal(() => pathsOf({ ...clone, env: HOME === undefined ? {} : { HOME } }));

      expect(error.code).toBe('state_not_writable');
      expect(error.hint).toContain('XDG_STATE_HOME');
    });

  test('the path of the socket has less than 104 bytes, however long the names are', () => {
    const long = 'x'.repeat(255);
    const environments = [
      { HOME: `/home/${long}` },
      { HOME: `/home/${long}`, XDG_RUNTIME_DIR: `/run/${long}` },
      { HOME: '/home/ada', XDG_RUNTIME_DIR: `/run/${'x'.repeat(54)}` },
      { HOME: '/home/ada', XDG_RUNTIME_DIR: `/run/${'ü'.repeat(54)}` },
      { HOME: '/home/ada', XDG_STATE_HOME: `/${long}/${long}` },
    ];

    const sockets = environments.map((env) =>
      pathsOf({ project: long, folder: `/${long}`, environment: long, env, uid: 4_294_967_294 }),
    );

    for (const { socket } of sockets) expect(Buffer.byteLength(socket)).toBeLessThan(104);
  });
});

describe('the folder of the socket', () => {
  test('is made for its user alone, and so is the one above it', () => {
    const folder = join(makeTemporary(), 'home', 'environment');

    makeSocketFolder(folder, uid);
    makeSocketFolder(folder, uid);

    expect(modeOf(folder)).toBe(0o700);
    expect(modeOf(dirname(folder))).toBe(0o700);
  });

  test('that others may enter is closed to them', () => {
    const folder = join(makeTemporary(), 'home', 'environment');
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o777);
    chmodSync(dirname(folder), 0o755);

    makeSocketFolder(folder, uid);

    expect(modeOf(folder)).toBe(0o700);
    expect(modeOf(dirname(folder))).toBe(0o700);
  });

  for (const [what, lay] of [
    ['a link to a folder', (path: string) => symlinkSync(makeTemporary(), path)],
    ['a link to nothing', (path: string) => symlinkSync('/nowhere/at/all', path)],
    ['a file', (path: string) => writeFileSync(path, '')],
  ] as const) {
    for (const place of ['home', 'home/environment']) {
      test(`is refused where ${what} lies at ${place}`, () => {
        const base = makeTemporary();
        const laid = join(base, place);
        mkdirSync(dirname(laid), { recursive: true });
        lay(laid);

        const error = refusal(() => makeSocketFolder(join(base, 'home', 'environment'), uid));

        expect(error.code).toBe('state_not_writable');
        expect(error.message).toContain(laid);
        expect(error.hint).toContain('XDG_RUNTIME_DIR');
      });
    }
  }

  test.skipIf(uid !== 0)('is refused where it belongs to another user', () => {
    const folder = join(makeTemporary(), 'home', 'environment');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chownSync(folder, 12_345, 12_345);

    const error = refusal(() => makeSocketFolder(folder, uid));

    expect(error.message).toBe(`${folder} belongs to another user`);
  });
});

function modeOf(path: string): number {
  return lstatSync(path).mode & 0o777;
}

function refusal(work: () => void): UserError {
  try {
    work();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

function makeTemporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-paths-'));
  folders.push(folder);
  return folder;
}
