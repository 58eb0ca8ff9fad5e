import { afterEach, describe, expect, setDefaultTimeout, setSystemTime, test } from 'bun:test';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { RolloutRecord } from '../../src/core/record.ts';
import { presets } from '../../src/load/shape.ts';
import { birthOf } from '../../src/local/birth.ts';
import { findFreePort, isFree } from '../../src/local/free-port.ts';
import { openHistory } from '../../src/local/history.ts';
import { clearReleases, keptReleases } from '../../src/local/store.ts';
import { type Ended, makeProject, mustEnd, type Project, type ProjectOptions, until } from './project.ts';

setDefaultTimeout(60_000);

const projects: Project[] = [];

afterEach(async () => {
  setSystemTime();
  for (const project of projects.splice(0)) await project[Symbol.asyncDispose]();
});

/** Answers `/secrets` with what it was given, and says it nowhere else. */
const tellsSecrets = (mark: string) => `import { serve } from './serve.ts';
const { FROM_ENV, FROM_FILE, FROM_COMMAND } = process.env;
serve({
  mark: '${mark}',
  answer: (request) =>
    new URL(request.url).pathname === '/secrets' ? Response.json([FROM_ENV, FROM_FILE, FROM_COMMAND]) : undefined,
});
`;

describe('secrets', () => {
  const secrets = {
    FROM_ENV: { env: 'SHOP_TOKEN' },
    FROM_FILE: { file: 'a token' },
    FROM_COMMAND: { command: ['sh', '-c', 'printf "%s from a command" "$SHOP_TOKEN"'] },
  };

  test('reach the replicas, a rotation rolls the same release out, and a rollback uses the current ones', async () => {
    const project = await fresh({ service: { secrets }, files: { 'service.ts': tellsSecrets('one') } });
    project.env.SHOP_TOKEN = 'crocus';
    project.write('a token', 'saffron\n');
    const one = await jsonOf(project.causeway('up', '--json'), 0);
    const first = await project.ask('/secrets');
    project.write('service.ts', tellsSecrets('two'));
    const two = await jsonOf(project.causeway('deploy', '--json'), 0);

    project.env.SHOP_TOKEN = 'hyacinth';
    const rotation = await jsonOf(project.causeway('deploy', '--json'), 0);
    const rotated = await project.ask('/secrets');
    const again = await jsonOf(project.causeway('deploy', '--json'), 0);
    const rollback = await jsonOf(project.causeway('rollback', '--json'), 0);
    const rolledBack = await project.ask('/secrets');

    expect(JSON.parse(first.body)).toEqual(['crocus', 'saffron', 'crocus from a command']);
    expect([rotation.outcome, rotation.release]).toEqual(['good', two.release]);
    expect(JSON.parse(rotated.body)).toEqual(['hyacinth', 'saffron', 'hyacinth from a command']);
    expect(again.outcome).toBe('unchanged');
    expect(rollback.serves).toBe(one.release);
    expect(rolledBack).toMatchObject({ release: one.release?.slice(0, 7), body: rotated.body });
    expect(filesWith('hyacinth', project)).toEqual([expect.stringMatching(/\/secrets\/[0-9a-f]+\.json$/)]);
    expect(filesWith('crocus', project)).toEqual([]);
    const [set = ''] = filesWith('hyacinth', project);
    expect(statSync(set).mode & 0o777).toBe(0o600);
    expect(lstatSync(dirname(set)).mode & 0o777).toBe(0o700);
  });

  test('are in nothing that a command prints, even of a release that fails', async () => {
    const project = await fresh({ service: { secrets: { FROM_ENV: secrets.FROM_ENV } } });
    project.env.SHOP_TOKEN = 'crocus';
    const ended = [await project.causeway('up', '--verbose')];
    project.use('crash-at-start.ts');

    for (const args of [
      ['deploy', '--verbose'],
      ['status'],
      ['status', '--json'],
      ['releases', '--json'],
      ['logs', '--json'],
      ['plan', '--json'],
      ['doctor'],
      ['down'],
    ]) {
      ended.push(await project.causeway(...args));
    }

    const printed = ended.map(({ stdout, stderr }) => stdout + stderr).join('');
    expect(printed).toContain('fatal: cannot parse DATABASE_URL');
    expect(printed).not.toContain('crocus');
    expect(filesWith('crocus', project)).toEqual([]);
  });

  test('that a crashing replica or release command prints are left out of what is kept and told of it', async () => {
    const source = `throw new Error('cannot log in as ' + process.env.FROM_ENV);\n`;
    const project = await fresh({ service: { secrets: { FROM_ENV: secrets.FROM_ENV } } });
    project.env.SHOP_TOKEN = 'crocus-and-saffron';
    await jsonOf(project.causeway('up', '--json'), 0);

    project.write('service.ts', source);
    const crash = await project.causeway('deploy', '--json');
    project.write('migrate.ts', source);
    project.use('good.ts', { mark: 'other' });
    project.configure({ service: { release: [process.execPath, join(project.folder, 'migrate.ts')] } });
    const command = await project.causeway('deploy');
    const releases = await project.causeway('releases', '--json');

    expect([crash.exitCode, command.exitCode]).toEqual([3, 3]);
    expect(crash.json().record?.verdict).toMatchObject({ cause: 'crashed' });
    const printed = [crash, command, releases].map(({ stdout, stderr }) => stdout + stderr);
    for (const text of printed) {
      expect(text).toContain('cannot log in as [redacted]');
      expect(text).not.toContain('crocus-and-saffron');
    }
  });

  test('that are missing are refused by name before anything is built', async () => {
    const project = await fresh({ service: { secrets: { TOKEN: { env: 'SHOP_TOKEN' } } } });

    const { exitCode, json } = await project.causeway('up', '--json');

    expect([exitCode, json().error?.code]).toEqual([2, 'secret_missing']);
    expect(json().error?.message).toBe('the secret TOKEN is missing: the variable SHOP_TOKEN is not set');
  });
});

describe('the release command', () => {
  const tellsStart = (mark: string) => `import { appendFileSync } from 'node:fs';
import { serve } from './serve.ts';
appendFileSync(process.env.STORY ?? '', '${mark} starts\\n');
serve({ mark: '${mark}' });
`;

  test('runs once, before the candidate, with its variables', async () => {
    const project = await withCommand('echo "migrated for $SHOP" >> "$STORY"', { SHOP: 'flowers' });
    project.write('service.ts', tellsStart('one'));

    await jsonOf(project.causeway('up', '--json'), 0);

    expect(storyOf(project)).toEqual(['migrated for flowers', 'one starts', 'one starts']);
  });

  test('that fails ends the rollout with nothing switched, and its last lines as evidence', async () => {
    const project = await withCommand('true');
    const up = await jsonOf(project.causeway('up', '--json'), 0);
    project.configure({
      service: { release: ['sh', '-c', 'echo "column exists already" >&2; exit 7'] },
    });
    project.write('service.ts', tellsStart('two'));

    const { error, record, serves } = await jsonOf(project.causeway('deploy', '--json'), 3);

    expect(error?.code).toBe('rollout_failed');
    expect(record?.verdict).toMatchObject({
      cause: 'command',
      evidence: { exit: 'exit code 7', lines: ['column exists already'] },
    });
    expect(serves).toBe(up.release);
    expect(storyOf(project)).toEqual([]);
  });

  test('goes on when the supervisor is killed, is not run twice, and its rollout ends as interrupted', async () => {
    const project = await withCommand('true');
    const up = await jsonOf(project.causeway('up', '--json'), 0);
    const waits =
      'echo begun >> "$STORY"; until [ -e "$STORY.go" ]; do sleep 0.02; done; echo done >> "$STORY"';
    project.configure({ service: { release: ['sh', '-c', waits] } });
    const deploy = project.start('deploy');
    await until('the command runs', () => storyOf(project).length > 0);

    await killSupervisor(project);
    await deploy.ended;
    project.write('story.go', '');
    await until('the rollout has ended', async () => (await project.records()).length === 2);

    expect(storyOf(project)).toEqual(['begun', 'done']);
    expect((await project.records()).at(-1)?.verdict).toMatchObject({ cause: 'interrupted' });
    expect((await project.ask()).release).toBe(up.release?.slice(0, 7) ?? '');
  });

  test('whose end is not known is not run again unasked', async () => {
    const project = await withCommand('true');
    await jsonOf(project.causeway('up', '--json'), 0);
    const waits = 'echo begun >> "$STORY"; [ -e "$STORY.go" ] || exec sleep 600';
    project.configure({ service: { release: ['sh', '-c', waits] } });
    const deploy = project.start('deploy');
    await until('the command runs', () => storyOf(project).length > 0);

    const [supervisor = 0] = project.processes().supervisors;
    const others = [supervisor, ...project.processes().all, process.pid, deploy.process.pid];
    const command = project.strays().filter((pid) => !others.includes(pid));
    for (const pid of [supervisor, ...command]) process.kill(pid, 'SIGKILL');
    await deploy.ended;
    await until('the rollout has ended', async () => (await project.records()).length === 2);
    const refused = await jsonOf(project.causeway('deploy', '--json'), 1);
    project.write('story.go', '');
    const again = await jsonOf(project.causeway('deploy', '--again', '--json'), 0);

    expect(command).not.toEqual([]);
    expect((await project.records())[1]?.verdict).toMatchObject({ cause: 'command-unknown' });
    expect(refused.error?.code).toBe('command_unknown');
    expect(refused.error?.hint).toContain('--again');
    expect(again.outcome).toBe('good');
    expect(storyOf(project)).toEqual(['begun', 'begun']);
  });

  async function withCommand(command: string, env: Readonly<Record<string, string>> = {}): Promise<Project> {
    const project = await fresh();
    const release = ['sh', '-c', command];
    project.configure({ service: { release, env: { STORY: join(project.folder, 'story'), ...env } } });
    return project;
  }

  function storyOf({ folder }: Project): readonly string[] {
    const path = join(folder, 'story');
    return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
  }
});

describe('hooks', () => {
  test('run before and after, and are told the release and its verdict', async () => {
    const tell = (name: string) =>
      `echo "${name} $CAUSEWAY_ENVIRONMENT $CAUSEWAY_RELEASE $CAUSEWAY_VERDICT" >> hooks`;
    const project = await fresh({ environment: { hooks: { before: tell('before'), after: tell('after') } } });
    const good = await jsonOf(project.causeway('up', '--json'), 0);
    project.use('crash-at-start.ts');

    const bad = await jsonOf(project.causeway('deploy', '--json'), 3);

    expect(readFileSync(join(project.folder, 'hooks'), 'utf8').split('\n')).toEqual([
      `before local ${good.release} `,
      `after local ${good.release} good`,
      `before local ${bad.release} `,
      `after local ${bad.release} failed`,
      '',
    ]);
  });

  test('before: a failure rolls nothing out; after: it is told, and changes nothing', async () => {
    const project = await fresh();
    await jsonOf(project.causeway('up', '--json'), 0);
    project.use('good.ts', { mark: 'two' });

    project.configure({ environment: { hooks: { before: 'echo not today; exit 3' } } });
    const refused = await jsonOf(project.causeway('deploy', '--json'), 1);
    project.configure({ environment: { hooks: { after: 'echo nobody listens; exit 4' } } });
    const { exitCode, stderr } = await project.causeway('deploy');

    expect(refused.error).toMatchObject({ code: 'hook_failed', details: 'not today' });
    expect(exitCode).toBe(0);
    expect(stderr).toContain('the hook failed with exit code 4, which changes nothing');
    expect((await project.records()).map(({ verdict }) => verdict.kind)).toEqual(['good', 'good']);
  });
});

test('what serves already is rolled out once more with --again, and then is unchanged', async () => {
  const project = await fresh();
  const up = await jsonOf(project.causeway('up', '--json'), 0);
  const before = project.processes().replicas;

  const again = await jsonOf(project.causeway('up', '--again', '--json'), 0);
  const unchanged = await jsonOf(project.causeway('up', '--json'), 0);

  expect([again.outcome, again.release]).toEqual(['good', up.release]);
  expect(unchanged.outcome).toBe('unchanged');
  expect(project.processes().replicas.filter((pid) => before.includes(pid))).toEqual([]);
});

test('the number of replicas goes from 2 to 3 to 1 without another release', async () => {
  const project = await fresh();
  const up = await jsonOf(project.causeway('up', '--json'), 0);

  for (const replicas of [3, 1]) {
    project.configure({ environment: { replicas } });
    const { outcome, serves } = await jsonOf(project.causeway('up', '--json'), 0);

    expect([outcome, serves]).toEqual(['unchanged', up.release]);
    await until(`${replicas} run`, () => project.processes().replicas.length === replicas);
  }
  expect(await project.records()).toHaveLength(1);
});

test('another port is where up moves the environment to, and it says how long the address was away', async () => {
  const project = await fresh();
  const up = await jsonOf(project.causeway('up', '--json'), 0);
  const port = findFreePort();
  project.configure({ environment: { port } });

  const deploy = await jsonOf(project.causeway('deploy', '--json'), 1);
  const { exitCode, stderr } = await project.causeway('up');
  const response = await fetch(`http://127.0.0.1:${port}/`);

  expect(deploy.error).toMatchObject({ code: 'environment_elsewhere', hint: 'causeway up local' });
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(/the address was away for [\d.]+ m?s/);
  expect(response.headers.get('x-release')).toBe(up.release?.slice(0, 7) ?? '');
  expect(isFree(project.port)).toBe(true);
  expect(project.processes()).toMatchObject({ supervisors: { length: 1 }, keepers: { length: 1 } });
});

describe('down', () => {
  test('leaves no process, no listening port and no socket, says so, and then says that nothing was there', async () => {
    const project = await fresh();
    await jsonOf(project.causeway('up', '--json'), 0);

    const first = await project.causeway('down');
    const second = await project.causeway('down');
    const status = await jsonOf(project.causeway('status', '--json'), 0);

    expect([first.exitCode, second.exitCode]).toEqual([0, 0]);
    expect(first.stdout).toContain('4 of 4 gone');
    expect(second.stdout).toContain('nothing was there');
    expect(status.state).toBe('absent');
    expect(project.strays()).toEqual([]);
    expect(isFree(project.port)).toBe(true);
    expect(existsSync(dirname(project.paths.socket))).toBe(false);
  });

  test('and up again keep the records, and the way back to the releases of before', async () => {
    const project = await fresh({ environment: { bake: '0s' } });
    const one = await jsonOf(project.causeway('up', '--json'), 0);
    project.use('good.ts', { mark: 'two' });
    const two = await jsonOf(project.causeway('deploy', '--json'), 0);

    await jsonOf(project.causeway('down', '--json'), 0);
    await jsonOf(project.causeway('up', '--json'), 0);
    const records = await project.records();
    const rollback = await jsonOf(project.causeway('rollback', '--json'), 0);

    expect(records.map(({ release }) => release)).toEqual([
      one.release,
      two.release,
      two.release,
    ] as string[]);
    expect(rollback.serves).toBe(one.release);
  });
});

test('a replica that is retired takes the child with it that it started', async () => {
  const project = await fresh();
  project.use('forks-a-child.ts');
  await jsonOf(project.causeway('up', '--json'), 0);
  const { lines = [] } = (await project.causeway('logs', '--json')).json();
  const children = lines.flatMap(({ text }) => /^child (\d+)$/.exec(text)?.[1] ?? []).map(Number);
  project.use('good.ts', { mark: 'two' });

  await jsonOf(project.causeway('deploy', '--json'), 0);

  expect(children).toHaveLength(2);
  await until('its children are gone', () => children.every((pid) => birthOf(pid) === undefined));
  expect(project.processes().replicas).toHaveLength(2);
});

describe('logs', () => {
  test('of a replica that was taken out are still there', async () => {
    const project = await fresh();
    await jsonOf(project.causeway('up', '--json'), 0);
    project.load(presets.plain({ scale: 0.2 }));
    project.use('crash-under-traffic.ts');
    const { release, record } = await jsonOf(project.causeway('deploy', '--json'), 3);

    const { stdout } = await project.causeway('logs', '--release', release ?? '');

    expect(record?.verdict).toMatchObject({ cause: 'crashed' });
    expect(stdout).toContain('error: connection to the database was lost');
  });

  test('of a replica that floods them are bounded, and keep the last line', async () => {
    const project = await fresh({ environment: { replicas: 1, deadlines: { start: '20s' } } });
    project.use('floods-the-log.ts');
    project.edit('service.ts', '100_000', '500_000');

    await jsonOf(project.causeway('up', '--json'), 0);
    const { lines = [] } = (await project.causeway('logs', '--json', '--lines', '5')).json();

    expect(lines.map(({ text }) => text)).toContain('last line of the flood');
    const { logs } = project.paths;
    const bytes = filesBelow(logs).reduce((sum, file) => sum + statSync(file).size, 0);
    expect(bytes).toBeGreaterThan(10 * mebibyte);
    expect(bytes).toBeLessThan(40 * mebibyte);
  });
});

test('the last 20 good releases are kept and can be returned to, those before are cleared', async () => {
  const project = await fresh({ environment: { bake: '0s' } });
  const ids: string[] = [];
  for (const mark of ['one', 'two', 'three']) {
    project.use('good.ts', { mark });
    ids.push((await jsonOf(project.causeway('up', '--json'), 0)).release ?? '');
    if (mark === 'two') await addGoodRecords(project, keptReleases - 2);
  }
  const [one = '', two = ''] = ids;
  const { paths } = project;

  // What was stored in the last ten minutes may belong to a command that is about to roll it out.
  setSystemTime(Date.now() + 660_000);
  clearReleases(paths, await project.records(), []);
  setSystemTime();
  const gone = await jsonOf(project.causeway('rollback', '--json', '--to', one), 1);
  const back = await jsonOf(project.causeway('rollback', '--json', '--to', two), 0);

  expect(gone.error?.code).toBe('release_gone');
  expect(back.serves).toBe(two);
  expect((await project.ask()).release).toBe(two.slice(0, 7));
  expect(readdirSync(paths.releases)).toHaveLength(2);
  expect(readdirSync(paths.artifacts)).toHaveLength(2);
});

const mebibyte = 1024 * 1024;

async function fresh(options?: ProjectOptions): Promise<Project> {
  const project = await makeProject(options);
  projects.push(project);
  return project;
}

async function jsonOf(command: Promise<Ended>, exitCode: number) {
  return (await mustEnd(command, exitCode)).json();
}

async function killSupervisor(project: Project): Promise<void> {
  const [pid = 0] = project.processes().supervisors;
  process.kill(pid, 'SIGKILL');
  await until('another one runs', () => {
    const [now = pid] = project.processes().supervisors;
    return now !== pid;
  });
}

/** As if so many releases had been rolled out since. */
async function addGoodRecords({ paths, records }: Project, count: number): Promise<void> {
  const template = (await records()).at(-1) as RolloutRecord;
  const history = openHistory(paths);
  for (let n = 0; n < count; n++) {
    await history.append({ ...template, id: `${template.id}-${n}`, release: `${n}`.padStart(64, '0') });
  }
}

/** The files of the project and of its state that hold this text; the programs apart. */
function filesWith(text: string, { base }: Project): readonly string[] {
  return filesBelow(base).filter(
    (path) => statSync(path).size < 20 * mebibyte && readFileSync(path, 'latin1').includes(text),
  );
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
