import { afterEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../core/errors.ts';
import {
  appendDurably,
  clearUnfinished,
  makeFolder,
  readIfThere,
  writeDurably,
  writeWhole,
} from './durable.ts';
import { FakeDisk } from './fake-disk.ts';

const folders: string[] = [];
const mounts: string[] = [];

afterEach(() => {
  for (const mount of mounts.splice(0)) Bun.spawnSync(['umount', mount]);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe('a file that is written whole', () => {
  for (const write of [writeDurably, writeWhole]) {
    test(`${write.name} puts the new content in the place of the old, and leaves nothing beside it`, () => {
      const folder = makeTemporary();
      write(join(folder, 'state'), 'old');

      write(join(folder, 'state'), 'new');

      expect(readFileSync(join(folder, 'state'), 'utf8')).toBe('new');
      expect(readdirSync(folder)).toEqual(['state']);
      expect(statSync(join(folder, 'state')).mode & 0o777).toBe(0o600);
    });

    test(`${write.name}, killed at any moment, leaves the old content or the new`, async () => {
      const folder = makeTemporary();
      const path = join(folder, 'state');

      for (let kills = 0; kills < 4; kills += 1) await killWhileWriting(write.name, path);

      const content = readFileSync(path, 'utf8');
      expect(content.length).toBe(2 ** 20);
      expect(['a', 'b']).toContain([...new Set(content)].join(''));
    });
  }

  test('is written whatever an earlier crash left beside it', () => {
    const path = join(makeTemporary(), 'state');
    writeFileSync(`${path}.${process.pid}.1.tmp`, 'half of a');
    writeFileSync(`${path}.1.1.tmp`, 'half of another');

    for (let n = 0; n < 5; n += 1) writeDurably(path, `content ${n}`);

    expect(readFileSync(path, 'utf8')).toBe('content 4');
  });

  test('may hold bytes that are no text', () => {
    const path = join(makeTemporary(), 'state');

    writeDurably(path, Uint8Array.of(0, 255, 10));

    expect([...readFileSync(path)]).toEqual([0, 255, 10]);
  });
});

describe('a line that is appended', () => {
  test('comes after those before it', () => {
    const path = join(makeTemporary(), 'lines');

    appendDurably(path, 'one');
    appendDurably(path, 'two');

    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
  });

  test('begins a line of its own after one that a crash cut off', () => {
    const path = join(makeTemporary(), 'lines');
    writeFileSync(path, 'one\n{"half":');

    appendDurably(path, 'two');

    expect(readFileSync(path, 'utf8')).toBe('one\n{"half":\ntwo\n');
  });
});

test('a folder that somebody deleted is made anew by what is written to it', () => {
  const folder = join(makeTemporary(), 'missing');

  writeDurably(join(folder, 'a', 'state'), 'x');
  writeWhole(join(folder, 'b', 'state'), 'x');
  appendDurably(join(folder, 'c', 'lines'), 'x');

  expect(readdirSync(folder).sort()).toEqual(['a', 'b', 'c']);
});

describe('after a power cut at any moment', () => {
  test('a file that was written durably has its old content or the new, whole; afterwards, the new', () => {
    const disk = new FakeDisk({ '/s/state': 'old' });

    writeDurably('/s/state', 'new', disk);

    expect(new Set(disk.worlds.map((world) => world.get('/s/state')))).toEqual(new Set(['old', 'new']));
    expect(disk.cut().map((world) => world.get('/s/state'))).toEqual(Array(4).fill('new'));
  });

  test('a line that was appended is there once that has returned, after those before it', () => {
    const disk = new FakeDisk();

    appendDurably('/s/lines', 'one', disk);
    appendDurably('/s/lines', 'two', disk);

    expect(disk.cut().map((world) => world.get('/s/lines'))).toEqual(Array(4).fill('one\ntwo\n'));
    const seen = disk.worlds.map((world) => world.get('/s/lines') ?? '');
    expect(seen.filter((text) => !'one\ntwo\n'.startsWith(text))).toEqual([]);
  });
});

test('what killed processes left half-written is cleared away, and what one that runs is writing is not', () => {
  const folder = makeTemporary();
  const gone = 2 ** 22 + 1;
  const mine = [`state.${process.pid}.1.tmp`, 'state', 'notes.tmp', 'lines.1'];
  for (const name of [...mine, `state.${gone}.1.tmp`, `bun.${gone}.tmp`])
    writeFileSync(join(folder, name), '');

  clearUnfinished(folder);
  clearUnfinished(join(folder, 'missing'));

  expect(readdirSync(folder).sort()).toEqual(mine.sort());
});

describe('what cannot be written is said in plain words, with the path', () => {
  test('when a file is in the place of a folder above', () => {
    const file = join(makeTemporary(), 'file');
    writeFileSync(file, '');

    const errors = [
      errorOf(() => writeDurably(join(file, 'state'), 'x')),
      errorOf(() => appendDurably(join(file, 'state'), 'x')),
      errorOf(() => makeFolder(join(file, 'folder'))),
    ];

    expect(errors.map(({ code, message }) => [code, message])).toEqual([
      ['state_not_writable', `cannot write ${file}/state: a part of the path is not a folder`],
      ['state_not_writable', `cannot write ${file}/state: a part of the path is not a folder`],
      ['state_not_writable', `cannot write ${file}/folder: a part of the path is not a folder`],
    ]);
  });

  test('when a file is in the place of the folder itself', () => {
    const file = join(makeTemporary(), 'file');
    writeFileSync(file, '');

    const { message } = errorOf(() => makeFolder(file));

    expect(message).toBe(`cannot write ${file}: something that is not a folder is in its place`);
  });

  test.skipIf(process.platform !== 'linux')('when the file system has no folders of others', () => {
    const { code, message } = errorOf(() => makeFolder('/proc/causeway'));

    expect(code).toBe('state_not_writable');
    expect(message).toBe('cannot write /proc/causeway: no folder can be made there');
  });

  test.skipIf(!canMount())('when the disk is full: the old content stays, and nothing beside it', () => {
    const folder = mount('size=64k');
    writeDurably(join(folder, 'state'), 'old');

    const error = errorOf(() => writeDurably(join(folder, 'state'), 'x'.repeat(2 ** 20)));

    expect(error.message).toBe(`cannot write ${folder}/state: the disk is full`);
    expect(error.hint).toContain('XDG_STATE_HOME');
    expect(readFileSync(join(folder, 'state'), 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['state']);
  });

  test.skipIf(!canMount())('when the file system is read-only', () => {
    const folder = mount('ro');

    const messages = [
      errorOf(() => writeDurably(join(folder, 'state'), 'x')),
      errorOf(() => appendDurably(join(folder, 'state'), 'x')),
      errorOf(() => makeFolder(join(folder, 'state'))),
    ].map(({ message }) => message);

    expect(new Set(messages)).toEqual(
      new Set([`cannot write ${folder}/state: it is on a read-only file system`]),
    );
  });

  test('and any other error is passed on as it is', () => {
    const tooLong = join(makeTemporary(), 'n'.repeat(300));

    expect(() => writeDurably(tooLong, 'x')).toThrow(expect.objectContaining({ code: 'ENAMETOOLONG' }));
  });
});

test('a file that is not there reads as nothing', () => {
  const folder = makeTemporary();
  writeFileSync(join(folder, 'file'), 'text');

  const read = ['file', 'missing', 'file/below'].map((name) => readIfThere(join(folder, name)));

  expect(read).toEqual(['text', undefined, undefined]);
});

test('a folder is made for its user alone', () => {
  const folder = join(makeTemporary(), 'a', 'b');

  makeFolder(folder);
  makeFolder(folder);

  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

/** A process that writes one content after the other, until it is killed in the middle of it. */
async function killWhileWriting(write: string, path: string): Promise<void> {
  const code = `
    import { ${write} } from ${JSON.stringify(join(import.meta.dir, 'durable.ts'))};
    const contents = ['a', 'b'].map((letter) => letter.repeat(2 ** 20));
    for (let n = 0; ; n++) {
      ${write}(${JSON.stringify(path)}, contents[n % 2]);
      if (n === 5) console.log('writing');
    }`;
  const child = Bun.spawn([process.execPath, '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await child.stdout.getReader().read();
  child.kill('SIGKILL');
  await child.exited;
}

function errorOf(work: () => void): UserError {
  try {
    work();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function makeTemporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-durable-'));
  folders.push(folder);
  return folder;
}

/** A small file system of its own. */
function mount(options: string): string {
  const folder = join(makeTemporary(), 'disk');
  mkdirSync(folder);
  const { success, stderr } = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  if (!success) throw new Error(String(stderr));
  mounts.push(folder);
  return folder;
}

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), 'causeway-mount-'));
  const { success } = Bun.spawnSync(['mount', '-t', 'tmpfs', 'tmpfs', folder]);
  if (success) Bun.spawnSync(['umount', folder]);
  rmSync(folder, { recursive: true });
  return success;
}
