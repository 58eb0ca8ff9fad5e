import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeProject, until } from './project.ts';

setDefaultTimeout(60_000);

describe('down', () => {
  test('ends although somebody watches', async () => {
    await using project = await serving();
    const watch = project.start('status', '--watch', '--json');
    await until('it watches', () => project.processes().supervisors.length === 1);

    const { exitCode } = await project.causeway('down');

    expect(exitCode).toBe(0);
    expect(project.processes().supervisors).toEqual([]);
    watch.process.kill('SIGINT');
    await watch.ended;
  });

  test('ends although a client does not read its answer', async () => {
    await using project = await makeProject({ service: { drain: '1s' }, environment: { bake: '500ms' } });
    await project.causeway('up');
    const begun = Promise.withResolvers<void>();
    const client = await Bun.connect({
      hostname: '127.0.0.1',
      port: project.port,
      socket: {
        open: (socket) => void socket.write('GET /big?bytes=100000000 HTTP/1.1\r\nHost: x\r\n\r\n'),
        data: (socket) => {
          socket.pause();
          begun.resolve();
        },
      },
    });
    await begun.promise;

    const { exitCode } = await project.causeway('down');

    expect(exitCode).toBe(0);
    client.terminate();
  });

  test('of a supervisor that was killed this moment lets none come back', async () => {
    await using project = await serving();
    for (const pid of project.processes().supervisors) process.kill(pid, 'SIGKILL');

    const { exitCode } = await project.causeway('down');

    expect(exitCode).toBe(0);
    await until('nothing of it runs', () => project.strays().length === 0);
  });

  test('ends a release command that runs, and says that its release was not started', async () => {
    const release = ['sh', '-c', 'echo begun; sleep 1000'];
    await using project = await makeProject({ service: { release }, environment: { bake: '500ms' } });
    const up = project.start('up');
    await until('the command runs', () => project.strays().length > 2);

    const { exitCode } = await project.causeway('down');

    expect(exitCode).toBe(0);
    const ended = await up.ended;
    expect(ended.exitCode).toBe(1);
    await until('nothing of it runs', () => project.strays().length === 0);
  });
});

describe('a release is bad', () => {
  test('that hangs on a path that only its users know', async () => {
    await using project = await serving();
    project.write('service.ts', service("if (path === '/search') await new Promise(() => undefined);"));
    const users = startUsers(`${project.url}/search`);

    const { exitCode, json } = await project.causeway('deploy', '--json');

    await users.stop();
    expect([exitCode, json().record?.verdict]).toMatchObject([3, { kind: 'failed', cause: 'hung' }]);
  });

  test('whose only replica is ready once and never again', async () => {
    await using project = await makeProject({
      environment: { bake: '2s', replicas: 1, deadlines: { start: '2s' } },
    });
    await project.causeway('up');
    const unready = "if (path === '/readyz' && (asked += 1) > 1) return new Response(null, { status: 503 });";
    project.write('service.ts', service(unready));

    const { exitCode, json } = await project.causeway('deploy', '--json');

    expect([exitCode, json().record?.verdict]).toMatchObject([3, { kind: 'failed', cause: 'never-ready' }]);
  });
});

describe('a reader', () => {
  test('that is slow gets all that was printed, through a pipe as into a file', async () => {
    await using project = await makeProject({ environment: { bake: '500ms' } });
    project.use('floods-the-log.ts');
    await project.causeway('up');
    const logs = `"${process.execPath}" "${main}" logs --json -n 3000`;

    const { stdout } = Bun.spawnSync(
      ['sh', '-c', `${logs} | (read -r line; printf '%s' "$line") | wc -c; ${logs} | wc -c`],
      {
        cwd: project.folder,
        env: project.env,
      },
    );

    const [piped, whole] = stdout.toString().trim().split('\n').map(Number);
    expect(whole).toBeGreaterThan(64 * 1024);
    expect(piped).toBe(Number(whole) - 1);
  });

  test('that goes away changes no exit code', async () => {
    await using project = await serving();
    project.use('crash-at-start.ts');

    const deploy = `"${process.execPath}" "${main}" deploy 2>&1; echo $? > exit`;
    Bun.spawnSync(['sh', '-c', `(${deploy}) | true`], { cwd: project.folder, env: project.env });

    expect(await Bun.file(`${project.folder}/exit`).text()).toBe('3\n');
  });
});

test('a one-off command is told to end when causeway is', async () => {
  await using project = await serving();
  const run = project.start('run', '--', 'sh', '-c', 'echo runs >&2; exec sleep 1000');
  await run.says('runs');

  run.process.kill('SIGTERM');

  expect((await run.ended).exitCode).not.toBe(0);
});

test('a socket that somebody cleared away is opened again', async () => {
  await using project = await serving();

  rmSync(dirname(project.paths.socket), { recursive: true });

  await until(
    'it answers',
    async () => (await project.causeway('status', '--json')).json().state === 'serving',
  );
});

const main = `${import.meta.dir}/../../src/cli/main.ts`;

async function serving() {
  const project = await makeProject({ environment: { bake: '1s' } });
  await project.causeway('up');
  return project;
}

/** A service that does something before it answers. */
function service(before: string): string {
  return `let asked = 0;
const server = Bun.serve({
  port: Number(process.env.PORT),
  hostname: '127.0.0.1',
  async fetch(request) {
    const path = new URL(request.url).pathname;
    ${before}
    return new Response('{}', { headers: { 'content-type': 'application/json' } });
  },
});
process.on('SIGTERM', () => {
  server.stop(true);
  process.exit(0);
});
export const times = () => asked;
`;
}

/** People who wait a little longer than a probe does, and then give up. */
function startUsers(url: string): { stop: () => Promise<void> } {
  let goesOn = true;
  const patienceMs = 1_100;
  const users = Array.from({ length: 12 }, async () => {
    while (goesOn) {
      await fetch(url, { signal: AbortSignal.timeout(patienceMs) }).then(
        (response) => response.text(),
        () => undefined,
      );
    }
  });
  return {
    async stop() {
      goesOn = false;
      await Promise.all(users);
    },
  };
}
