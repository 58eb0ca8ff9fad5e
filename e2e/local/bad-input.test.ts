import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorCode } from '../../src/core/errors.ts';
import { birthOf } from '../../src/local/birth.ts';
import { isFree } from '../../src/local/free-port.ts';
import {
  type Ended,
  makeProject,
  mustEnd,
  type Project,
  type ProjectOptions,
  processesOf,
  stackLine,
  until,
} from './project.ts';

setDefaultTimeout(60_000);

const projects: Project[] = [];

afterEach(async () => {
  for (const project of projects.splice(0)) await project[Symbol.asyncDispose]();
});

interface Wrong {
  readonly title: string;
  readonly args?: readonly string[];
  /** What is done to the project before the command. */
  readonly spoil?: (project: Project) => void;
  readonly exit: number;
  readonly code: ErrorCode;
  /** The value that was wrong. */
  readonly message: string | RegExp;
  readonly hint: string | RegExp;
}

const withText = (path: string, text: string) => (project: Project) => project.write(path, text);
const withFixture = (name: string) => (project: Project) => project.use(name);
const withConfig = (text: string) => withText('causeway.config.ts', `export default ${text};\n`);

const wrongs: readonly Wrong[] = [
  {
    title: 'a missing config',
    spoil: ({ folder }) => rmSync(join(folder, 'causeway.config.ts')),
    exit: 2,
    code: 'config_not_found',
    message: /^no causeway\.config\.ts in .*\/a project or in a folder above it$/,
    hint: '--config',
  },
  {
    title: 'a config that is not where --config says',
    args: ['up', '--config', 'elsewhere.ts'],
    exit: 2,
    code: 'config_not_found',
    message: 'there is no config elsewhere.ts',
    hint: '--config',
  },
  {
    title: 'an unknown key',
    spoil: withConfig(
      `{ project: 'shop', service: { entry: 'service.ts', prot: 80 }, environments: { local: { target: 'local' } } }`,
    ),
    exit: 2,
    code: 'config_wrong',
    message: /prot.*did you mean port/,
    hint: 'docs/config.md',
  },
  {
    title: 'a value of the wrong type',
    spoil: withConfig(
      `{ project: 'shop', service: { entry: 7 }, environments: { local: { target: 'local' } } }`,
    ),
    exit: 2,
    code: 'config_wrong',
    message: /service\.entry.*7/,
    hint: 'docs/config.md#',
  },
  {
    title: 'port 99999',
    spoil: withConfig(
      `{ project: 'shop', service: { entry: 'service.ts' }, environments: { local: { target: 'local', port: 99999 } } }`,
    ),
    exit: 2,
    code: 'config_wrong',
    message: /environments\.local\.port.*99999/,
    hint: 'docs/config.md#',
  },
  {
    title: 'a config that throws',
    spoil: withConfig('{ project: shop }'),
    exit: 2,
    code: 'config_wrong',
    message: 'causeway.config.ts does not load: shop is not defined',
    hint: 'docs/config.md',
  },
  {
    title: 'an unknown command',
    args: ['depoly'],
    exit: 2,
    code: 'usage_wrong',
    message: 'unknown command depoly',
    hint: 'did you mean causeway deploy?',
  },
  {
    title: 'an unknown flag',
    args: ['deploy', '--agian'],
    exit: 2,
    code: 'usage_wrong',
    message: 'causeway deploy has no flag --agian',
    hint: 'did you mean --again?',
  },
  {
    title: 'an unknown environment',
    args: ['deploy', 'lcoal'],
    exit: 2,
    code: 'environment_unknown',
    message: 'the config has no environment lcoal',
    hint: 'did you mean local?',
  },
  {
    title: 'a release that never ran',
    args: ['rollback', '--to', 'fffffff'],
    exit: 1,
    code: 'release_not_found',
    message: 'local never ran release fffffff',
    hint: 'causeway releases local',
  },
  {
    title: 'no release to go back to',
    args: ['rollback'],
    exit: 1,
    code: 'nothing_to_roll_back',
    message: /^no good release ran here before \w{7}$/,
    hint: 'causeway releases',
  },
  {
    title: 'an entry that is not there',
    spoil: ({ folder }) => rmSync(join(folder, 'service.ts')),
    exit: 1,
    code: 'build_failed',
    message: "the service's entry is not a file: service.ts",
    hint: 'service.entry',
  },
  {
    title: 'an entry that does not compile',
    spoil: withFixture('does-not-compile.ts.txt'),
    exit: 1,
    code: 'build_failed',
    message: /service\.ts.*4/,
    hint: /./,
  },
  {
    title: 'an import of a package that is not installed',
    spoil: withFixture('missing-import.ts.txt'),
    exit: 1,
    code: 'build_failed',
    message: /database-that-is-not-installed/,
    hint: /./,
  },
  {
    title: 'a test command that fails',
    spoil: (project) => change(project, { service: { test: 'echo 1 of 3 failed; exit 1' } }),
    exit: 1,
    code: 'test_failed',
    message: 'the tests failed with exit code 1: echo 1 of 3 failed; exit 1',
    hint: 'mend the tests or the service',
  },
  {
    title: 'a test command that hangs',
    spoil: (project) =>
      change(project, {
        service: { test: ['sleep', '600'] },
        environment: { deadlines: { test: '300ms' } },
      }),
    exit: 1,
    code: 'test_timeout',
    message: /^the tests did not end within .*: sleep 600$/,
    hint: 'deadlines.test',
  },
  {
    title: 'a test command that is not there',
    spoil: (project) => change(project, { service: { test: ['no-such-runner'] } }),
    exit: 1,
    code: 'test_failed',
    message: /^the test command did not start: no-such-runner: /,
    hint: 'service.test',
  },
];

describe('each wrong input is one clear error, and what served still serves:', () => {
  let project: Project;
  let release: string;

  beforeAll(async () => {
    project = await makeProject({ environment: { bake: '0s' } });
    await mustEnd(project.causeway('up'), 0);
    release = (await project.ask()).release ?? '';
  });

  afterEach(() => {
    project.use('good.ts');
    project.configure({ service: { test: 'true' }, environment: { deadlines: {} } });
  });

  afterAll(() => project?.[Symbol.asyncDispose]());

  for (const { title, args = ['deploy'], spoil, exit, code, message, hint } of wrongs) {
    test(title, async () => {
      spoil?.(project);

      const ended = await project.causeway(...args, '--json');

      expectError(ended, { exit, code, message, hint });
      expect((await project.ask()).release).toBe(release);
      expect(await project.records()).toHaveLength(1);
    });
  }
});

describe('git', () => {
  test('that is not there at all does not matter', async () => {
    const project = await serving();
    project.env.PATH = '/nowhere';
    project.use('good.ts', { mark: 'two' });

    const { exitCode, json } = await project.causeway('deploy', '--json');

    expect([exitCode, json().record?.revision]).toEqual([0, 'no git']);
  });

  test('with uncommitted changes is allowed, and marked in the record', async () => {
    const project = await serving();
    const { folder } = project;
    for (const args of [
      ['init', '--quiet', '--initial-branch=main'],
      ['add', '.'],
      ['-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '--message=one'],
    ]) {
      Bun.spawnSync(['git', ...args], { cwd: folder });
    }
    project.use('good.ts', { mark: 'two' });

    const { exitCode, json } = await project.causeway('deploy', '--json');

    expect(exitCode).toBe(0);
    expect(json().record?.revision).toMatch(/^main@[0-9a-f]{7} and 1 changed file$/);
  });
});

test('a busy port is told with the name of the program that holds it', async () => {
  const project = await fresh();
  using listener = Bun.listen({ hostname: '127.0.0.1', port: project.port, socket: { data() {} } });

  const ended = await project.causeway('up', '--json');

  expectError(ended, {
    exit: 1,
    code: 'port_busy',
    message: new RegExp(`^port ${listener.port} of 127.0.0.1 is taken by pid ${process.pid} \\(`),
    hint: 'environments.local.port',
  });
  expect(project.strays()).toEqual([]);
});

test('a service.command that is not found is refused before anything changes', async () => {
  const project = await serving();
  const { release } = await project.ask();
  project.configure({ service: { entry: undefined, files: ['service.ts'], command: ['no-such-program'] } });

  const ended = await project.causeway('deploy', '--json');

  expectError(ended, {
    exit: 1,
    code: 'preflight_failed',
    message: 'no-such-program was not found, neither on PATH nor in the artifact',
    hint: 'service.command',
  });
  expect((await project.ask()).release).toBe(release);
  expect((await mustEnd(project.causeway('status', '--json'), 0)).json().state).toBe('serving');
});

describe('the supervisor', () => {
  test('of which only a stale lock is left, whose pid is another program’s now, is started', async () => {
    const project = await fresh({ environment: { bake: '0s' } });
    mkdirSync(project.paths.root, { recursive: true });
    const lock = { pid: process.pid, birth: 'long ago', port: project.port, socket: project.paths.socket };
    writeFileSync(project.paths.lock, JSON.stringify(lock));

    const { exitCode } = await project.causeway('up');

    expect(exitCode).toBe(0);
    expect((await project.ask()).status).toBe(200);
  });

  test('that hangs is said to, with the way to mend it, and is well when it goes on', async () => {
    const project = await serving();
    const [pid = 0] = project.processes().supervisors;
    process.kill(pid, 'SIGSTOP');

    const ended = await Promise.all(
      ['status', 'up', 'deploy', 'rollback', 'releases'].map((command) =>
        project.causeway(command, '--json'),
      ),
    );
    process.kill(pid, 'SIGCONT');

    for (const command of ended) {
      expectError(command, {
        exit: 1,
        code: 'supervisor_failed',
        message: `the supervisor (pid ${pid}) does not answer`,
        hint: `kill -9 ${pid}`,
      });
    }
    await until('it serves', async () => (await project.ask()).status === 200);
    expect((await mustEnd(project.causeway('status', '--json'), 0)).json().state).toBe('serving');
  });

  test('that hangs is taken down all the same', async () => {
    const project = await serving();
    process.kill(project.processes().supervisors[0] ?? 0, 'SIGSTOP');

    const { exitCode } = await project.causeway('down');

    expect(exitCode).toBe(0);
    expect(project.strays()).toEqual([]);
    expect(isFree(project.port)).toBe(true);
  });

  test('of another version is replaced by up, which says how long the address was away; deploy refuses', async () => {
    const project = await fresh({ environment: { bake: '0s' } });
    const { paths, port } = project;
    project.write('other-version.ts', otherVersion(paths.socket, port));
    mkdirSync(join(paths.socket, '..'), { recursive: true, mode: 0o700 });
    mkdirSync(paths.root, { recursive: true });
    const other = Bun.spawn([process.execPath, 'other-version.ts'], {
      cwd: project.folder,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    await until('it listens', () => !isFree(port));
    const lock = { pid: other.pid, birth: birthOf(other.pid), port, socket: project.paths.socket };
    writeFileSync(paths.lock, JSON.stringify(lock));

    const deploy = await project.causeway('deploy', '--json');
    const up = await project.causeway('up');

    expectError(deploy, {
      exit: 1,
      code: 'supervisor_other',
      message: /^the supervisor of local speaks protocol 999, this command \d+$/,
      hint: 'causeway up local',
    });
    expect(up.exitCode).toBe(0);
    expect(up.stderr).toMatch(/the supervisor was replaced; the address was away for [\d.]+ m?s/);
    expect(await other.exited).toBe(0);
    expect((await project.ask()).status).toBe(200);
  });
});

describe('the state folder', () => {
  test('that cannot be made is an error that names it', async () => {
    const project = await fresh();
    const place = join(project.base, 'a file');
    writeFileSync(place, '');
    project.env.XDG_STATE_HOME = place;

    const ended = await project.causeway('up', '--json');

    expectError(ended, {
      exit: 1,
      code: 'state_not_writable',
      message: /a file.*: a part of the path is not a folder$/,
      hint: 'export XDG_STATE_HOME=<folder>',
    });
    expect(project.strays()).toEqual([]);
  });

  test('that is damaged does not hide what can still be read: a torn record, a lost desired state', async () => {
    const project = await serving();
    const { release } = await project.ask();
    const { desired, history } = project.paths;
    const whole = await project.records();
    writeFileSync(history, `${readFileSync(history, 'utf8')}{"schemaVersion":1,"id":"torn`);
    truncateSync(desired, 20);

    for (const pid of project.processes().supervisors) process.kill(pid, 'SIGKILL');
    await until(
      'another one serves',
      async () => (await project.ask().catch(() => undefined))?.status === 200,
    );
    const serves = await project.ask();
    project.use('good.ts', { mark: 'two' });
    const deploy = (await mustEnd(project.causeway('deploy', '--json'), 0)).json();
    const { rollouts = [] } = (await mustEnd(project.causeway('releases', '--json'), 0)).json();

    expect(serves.release).toBe(release);
    expect(rollouts.map(({ id }) => id)).toEqual([deploy.record?.id, whole[0]?.id] as string[]);
  });

  test('of which a release was damaged so that it runs and answers nothing is mended by the next up', async () => {
    const project = await serving({ environment: { deadlines: { start: '5s' } } });
    const { artifacts } = project.paths;
    for (const path of readdirSync(artifacts, { recursive: true, encoding: 'utf8' })) {
      const file = join(artifacts, path);
      if (path.endsWith('.js'))
        writeFileSync(file, readFileSync(file, 'utf8').replaceAll('"/readyz"', '"/readyy"'));
    }
    for (const pid of project.processes().supervisors) process.kill(pid, 'SIGKILL');
    await until(
      'it is degraded',
      async () => (await statusOf(project)).because?.includes('/readyz') ?? false,
    );

    const up = await mustEnd(project.causeway('up', '--json'), 0);

    expect(up.json().outcome).toBe('good');
    expect((await project.ask()).status).toBe(200);
    expect((await statusOf(project)).state).toBe('serving');
  });

  test('that lost the secrets leaves the replica degraded that needs them, until the next up', async () => {
    const project = await serving({ service: { secrets: { TOKEN: { env: 'TOKEN' } } } }, { TOKEN: 'crocus' });
    const [victim = 0, other = 0] = project.processes().replicas;
    const [supervisor] = project.processes().supervisors;
    for (const file of readdirSync(project.paths.secrets)) truncateSync(join(project.paths.secrets, file), 3);

    process.kill(victim, 'SIGKILL');
    await until('it is degraded', async () => (await statusOf(project)).state === 'degraded');
    const { because } = await statusOf(project);
    const serves = await project.ask();
    const up = await mustEnd(project.causeway('up', '--json'), 0);

    expect(because).toContain('secret');
    expect(serves.status).toBe(200);
    expect(project.processes().supervisors).toEqual([supervisor ?? 0]);
    expect(up.json().outcome).toBe('good');
    await until('two other replicas run', () => {
      const { replicas } = project.processes();
      return replicas.length === 2 && !replicas.includes(other);
    });
  });

  test('that is deleted while it runs is made again by the next deploy, and serving goes on', async () => {
    const project = await serving();
    const { release } = await project.ask();
    rmSync(project.paths.root, { recursive: true });

    const status = await statusOf(project);
    const serves = await project.ask();
    project.use('good.ts', { mark: 'two' });
    const deploy = await mustEnd(project.causeway('deploy', '--json'), 0);
    const after = await project.ask();

    expect([status.state, serves.release]).toEqual(['serving', release]);
    expect(after.release).toBe(deploy.json().release?.slice(0, 7) ?? '');
    expect(await project.records()).toHaveLength(1);
  });

  test('that is deleted while it runs does not keep down from taking everything away', async () => {
    const project = await serving();
    rmSync(project.paths.root, { recursive: true });

    const { exitCode, stdout } = await project.causeway('down');

    expect(exitCode).toBe(0);
    expect(stdout).toContain('gone');
    expect(project.strays()).toEqual([]);
    expect(isFree(project.port)).toBe(true);
  });

  const canMount = process.platform === 'linux' && mounts(['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs']);
  if (!canMount)
    console.log('skipped: a full disk and a read-only folder; they take mounting, as root on Linux');

  test.skipIf(!canMount)(
    'on a disk that is full from the start is an error, and nothing is left',
    async () => {
      const project = await fresh();
      using disk = mount(project, ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs']);
      project.env.XDG_STATE_HOME = disk.place;

      const ended = await project.causeway('up', '--json');

      expectError(ended, {
        exit: 1,
        code: 'state_not_writable',
        message: /^cannot write .*: the disk is full$/,
        hint: 'export XDG_STATE_HOME=<folder>',
      });
      expect(project.strays()).toEqual([]);
      const left = readdirSync(disk.place, { recursive: true, encoding: 'utf8' });
      expect(left.filter((path) => path.endsWith('.tmp'))).toEqual([]);
    },
  );

  test.skipIf(!canMount)(
    'on a disk that fills up refuses the deploy, and what serves goes on; with room again, it is rolled out',
    async () => {
      const project = await fresh({ environment: { bake: '0s' } });
      using disk = mount(project, ['-t', 'tmpfs', '-o', 'size=300m', 'tmpfs']);
      project.env.XDG_STATE_HOME = disk.place;
      await mustEnd(project.causeway('up'), 0);
      const { release } = await project.ask();
      const root = join(disk.place, 'causeway', readdirSync(join(disk.place, 'causeway'))[0] ?? '');
      const before = processesOf(root);
      const [victim = 0] = before.replicas;
      disk.fill();
      project.use('good.ts', { mark: 'two' });

      const ended = await project.causeway('deploy', '--json');
      process.kill(victim, 'SIGKILL');
      await until('another replica is ready in its place', async () => {
        const { state } = await statusOf(project);
        return state === 'serving' && !processesOf(root).replicas.includes(victim);
      });
      const after = processesOf(root);
      const serves = await project.ask();
      disk.empty();
      const again = await mustEnd(project.causeway('deploy', '--json'), 0);

      expectError(ended, {
        exit: 1,
        code: 'state_not_writable',
        message: /^cannot write .*: the disk is full$/,
        hint: 'export XDG_STATE_HOME=<folder>',
      });
      expect(serves.release).toBe(release);
      expect(after.supervisors).toEqual(before.supervisors);
      expect(again.json().outcome).toBe('good');
      await mustEnd(project.causeway('down'), 0);
    },
  );

  test.skipIf(!canMount)('that becomes read-only refuses the deploy; what served still serves', async () => {
    const project = await serving();
    const { release } = await project.ask();
    project.use('good.ts', { mark: 'two' });
    const { root } = project.paths;

    using _folder = mount(project, ['--bind', '-o', 'ro', root], root);
    const ended = await project.causeway('deploy', '--json');

    expectError(ended, {
      exit: 1,
      code: 'state_not_writable',
      message: /^cannot write .*: it is on a read-only file system$/,
      hint: 'export XDG_STATE_HOME=<folder>',
    });
    expect((await project.ask()).release).toBe(release);
  });
});

interface ExpectedError {
  readonly exit: number;
  readonly code: ErrorCode;
  readonly message: string | RegExp;
  readonly hint: string | RegExp;
}

/** One error, the same for programs and for people; never a stack. */
function expectError(ended: Ended, { exit, code, message, hint }: ExpectedError): void {
  const { error } = ended.json();
  expect({ exit: ended.exitCode, ...error }).toMatchObject({
    exit,
    code,
    message: typeof message === 'string' ? message : expect.stringMatching(message),
    hint: typeof hint === 'string' ? expect.stringContaining(hint) : expect.stringMatching(hint),
  });
  // The project lies elsewhere, so its user is shown the whole path of the docs.
  const docs = join(import.meta.dir, '..', '..', 'docs');
  const shown = `error: ${error?.message}\n  hint: ${error?.hint}\n  help: docs/errors.md#${code}\n`;
  expect(ended.stderr).toContain(shown.replaceAll(/(?<= )docs\//g, `${docs}/`));
  expect(ended.stderr).not.toMatch(stackLine);
  expect(error?.message).not.toMatch(/^[A-Z]|\.$/);
}

/** Another release, so that its tests are run. */
function change(project: Project, changes: Pick<ProjectOptions, 'service' | 'environment'>): void {
  project.use('good.ts', { mark: 'untested' });
  project.configure(changes);
}

/** A supervisor of a later version, as far as this one may know it. */
function otherVersion(socket: string, port: number): string {
  return `const status = { environment: 'local', target: 'local', state: 'serving', url: 'http://127.0.0.1:${port}', running: [] };
Bun.serve({ port: ${port}, hostname: '127.0.0.1', fetch: () => new Response('later') });
Bun.serve({
  unix: ${JSON.stringify(socket)},
  routes: {
    '/status': () => Response.json({ protocol: 999, pid: process.pid, status }),
    '/stop': {
      POST: () => {
        setTimeout(() => process.exit(0), 50);
        return Response.json({ stopped: true });
      },
    },
  },
});
`;
}

async function fresh(options?: ProjectOptions, env: Readonly<Record<string, string>> = {}): Promise<Project> {
  const project = await makeProject(options);
  projects.push(project);
  Object.assign(project.env, env);
  return project;
}

async function serving(
  options: ProjectOptions = {},
  env?: Readonly<Record<string, string>>,
): Promise<Project> {
  const project = await fresh({ ...options, environment: { bake: '0s', ...options.environment } }, env);
  await mustEnd(project.causeway('up'), 0);
  return project;
}

async function statusOf(project: Project) {
  return (await mustEnd(project.causeway('status', '--json'), 0)).json();
}

/** Whether this user may mount so. */
function mounts(args: readonly string[]): boolean {
  const place = `/tmp/cw-mount-${process.pid}`;
  mkdirSync(place, { recursive: true });
  const isMounted = Bun.spawnSync(['mount', ...args, place]).exitCode === 0;
  if (isMounted) Bun.spawnSync(['umount', place]);
  rmSync(place, { recursive: true });
  return isMounted;
}

/** A file system at a place of the project's, until it is disposed of. */
function mount({ base }: Project, args: readonly string[], place = join(base, 'a disk')) {
  mkdirSync(place, { recursive: true });
  const { exitCode, stderr } = Bun.spawnSync(['mount', ...args, place]);
  if (exitCode !== 0) throw new Error(`cannot mount: ${stderr}`);
  const ballast = join(place, 'ballast');
  return {
    place,
    fill: () => void Bun.spawnSync(['dd', 'if=/dev/zero', `of=${ballast}`, 'bs=64k']),
    empty: () => rmSync(ballast),
    [Symbol.dispose]: () => void Bun.spawnSync(['umount', '--lazy', place]),
  };
}
