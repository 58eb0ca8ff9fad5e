import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { findFreePort, isFree } from '../../src/local/free-port.ts';
import { endNow, processesBelow } from './project.ts';

setDefaultTimeout(150_000);

const repository = realpathSync(join(import.meta.dir, '..', '..'));
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe('in a fresh clone, with the packages there already', () => {
  let clone: Clone;

  beforeAll(() => {
    clone = makeClone();
    copyPackages(clone.folder);
  });

  afterAll(() => clone?.dispose());

  test('up tests the service, rolls it out and says where it answers', async () => {
    const { exitCode, stdout, stderr } = await clone.causeway('up');

    expect(exitCode).toBe(0);
    expect(stdout).toContain(`http://127.0.0.1:${clone.port}`);
    expect(stderr).toMatch(/^test {5}\d+ passed/m);
    expect(stderr).toMatch(/^verdict {2}good$/m);
  });

  test('GET / answers the contract, byte for byte', async () => {
    const earliest = Math.floor(Date.now() / 1000);
    const answer = await askRaw(clone.port, 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    const latest = Math.floor(Date.now() / 1000);

    const [head = '', body = ''] = answer.split('\r\n\r\n');
    const [statusLine, ...headers] = head.split('\r\n').map((line) => line.toLowerCase());
    expect(statusLine).toBe('http/1.1 200 ok');
    expect(headers).toContain('cache-control: no-store');
    expect(headers.find((line) => line.startsWith('content-type:'))).toMatch(
      /^content-type: application\/json/,
    );
    const timestamp = Number(/"timestamp":(\d+)/.exec(body)?.[1]);
    expect(body).toBe(`{"message":"Automate all the things!","timestamp":${timestamp}}`);
    expect(headers).toContain(`content-length: ${body.length}`);
    expect(timestamp).toBeGreaterThanOrEqual(earliest);
    expect(timestamp).toBeLessThanOrEqual(latest);
  });

  test('HEAD / answers the same head, and nothing more', async () => {
    const answer = await askRaw(
      clone.port,
      'HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );

    expect(answer).toStartWith('HTTP/1.1 200 OK\r\n');
    expect(answer.split('\r\n\r\n')[1]).toBe('');
  });

  test('up once more says that there is nothing to change', async () => {
    const { exitCode, stderr } = await clone.causeway('up');

    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^release {2}\w{7} serves already, nothing to change$/m);
  });

  test('git clean and a removed node_modules do not touch what serves, nor what starts again after a crash', async () => {
    Bun.spawnSync(['git', 'init', '--quiet'], { cwd: clone.folder });
    Bun.spawnSync(['git', 'clean', '-xffd', '--quiet'], { cwd: clone.folder });
    const left = readdirSync(clone.folder).filter((name) => name !== '.git');

    const message = await fetch(`http://127.0.0.1:${clone.port}/`).then((response) => response.text());
    const before = clone.replicas();
    process.kill(before[0] ?? 0, 'SIGKILL');
    const deadline = Date.now() + 30_000;
    while (clone.replicas().length < 2 || clone.replicas().includes(before[0] ?? 0)) {
      if (Date.now() > deadline) throw new Error('the replica did not come back');
      await Bun.sleep(10);
    }

    expect(left).toEqual([]);
    expect(message).toStartWith('{"message":"Automate all the things!","timestamp":');
    expect(before).toHaveLength(2);
  });

  test('down in the same folder, with the files back, leaves nothing', async () => {
    copyTree(clone.folder, clone.port);
    copyPackages(clone.folder);

    const { exitCode } = await clone.causeway('down');

    expect(exitCode).toBe(0);
    expect(clone.processes()).toEqual([]);
    expect(isFree(clone.port)).toBe(true);
  });

  test('demo keeps every promise, takes itself down and leaves nothing', async () => {
    const { exitCode, stdout, stderr } = await clone.causeway('demo', '--json');

    expect({ exitCode, ...JSON.parse(stdout) }).toMatchObject({ exitCode: 0, isKept: true, broken: [] });
    expect(stderr).toContain('no process, port or folder is left');
    expect(clone.processes()).toEqual([]);
    expect(readdirSync(clone.temporary)).toEqual([]);
  });
});

const npm = Bun.which('npm');
if (!npm) console.log('skipped: the first up with an installation of its own; npm is not on PATH');

test.skipIf(!npm)(
  'in a fresh clone with nothing installed, up installs what it needs and then answers',
  async () => {
    using clone = makeClone();

    const { exitCode, stderr } = await clone.causeway('up');

    expect(stderr).toMatch(/^install {2}runtime and packages, once {2,}[\d.]+ s$/m);
    expect(exitCode).toBe(0);
    const response = await fetch(`http://127.0.0.1:${clone.port}/`);
    expect(await response.text()).toStartWith('{"message":"Automate all the things!","timestamp":');
    const { stdout } = await clone.causeway('down');
    expect(stdout).toContain('gone');
  },
);

type Clone = ReturnType<typeof makeClone>;

/** The repository in a folder with a space in its name, with state, sockets and port of its own. */
function makeClone() {
  const base = mkdtempSync(join(realpathSync('/tmp'), 'cw-'));
  folders.push(base);
  const folder = join(base, 'a clone');
  const temporary = join(base, 'tmp');
  const port = findFreePort();
  mkdirSync(temporary);
  copyTree(folder, port);
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? base,
    TMPDIR: temporary,
    XDG_STATE_HOME: join(base, 'state'),
    XDG_RUNTIME_DIR: join(base, 'run'),
  };
  const processes = () => processesBelow([base]);
  const dispose = () => {
    // The keeper is not the first to be found, so it may start a supervisor once more.
    for (let left = processes(); left.length > 0; left = processes()) left.forEach(endNow);
  };

  return { folder, temporary, port, causeway, processes, replicas, dispose, [Symbol.dispose]: dispose };

  async function causeway(...args: readonly string[]) {
    const child = Bun.spawn([join(folder, 'causeway'), ...args], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, exitCode] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    return { stdout, stderr, exitCode };
  }

  function replicas(): readonly number[] {
    return processes().filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes('CAUSEWAY_STATE=');
      } catch {
        return false;
      }
    });
  }
}

/** What git would clone, with what is not committed yet; the port alone is another. */
function copyTree(folder: string, port: number): void {
  const { stdout } = Bun.spawnSync(['git', 'ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: repository,
  });
  for (const path of stdout.toString().split('\0').filter(Boolean)) {
    if (!existsSync(join(repository, path))) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(repository, path), join(folder, path));
  }
  const config = join(folder, 'causeway.config.ts');
  const text = readFileSync(config, 'utf8');
  const moved = text.replace(
    "local: { target: 'local' }",
    `local: { target: 'local', port: ${port}, bake: '500ms' }`,
  );
  if (moved === text) throw new Error('causeway.config.ts no longer holds the local environment as it was');
  writeFileSync(config, moved);
}

/** As hard links where that can be: what happens to them here happens to no other folder. */
function copyPackages(folder: string): void {
  const from = join(repository, 'node_modules');
  const copies = [['-al'], ['-a']].some(
    (flags) => Bun.spawnSync(['cp', ...flags, from, folder]).exitCode === 0,
  );
  if (!copies) throw new Error(`cannot copy ${from}`);
}

/** What a program hears that sends these bytes. */
function askRaw(port: number, bytes: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let heard = '';
  Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open: (socket) => void socket.write(bytes),
      data: (_, chunk) => {
        heard += chunk.toString('latin1');
      },
      end: (socket) => void socket.end(),
      close: () => resolve(heard),
      error: (_, error) => reject(error),
    },
  }).catch(reject);
  return promise;
}
