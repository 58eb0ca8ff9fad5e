import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CausewayConfig } from '../../src/core/config.ts';
import { presets } from '../../src/load/shape.ts';
import { isFree } from '../../src/local/free-port.ts';
import { makeProject, type Project } from './project.ts';

setDefaultTimeout(60_000);

describe('a service in Python, by the same commands', () => {
  let project: Project;
  /** The releases that were found good. */
  const good: string[] = [];

  beforeAll(async () => {
    project = await makeProject({
      service: { files: ['server.py'], command: ['python3', 'server.py'] },
      files: { 'server.py': { fixture: 'python/server.py' } },
    });
  });

  afterAll(() => project?.[Symbol.asyncDispose]());

  test('is up', async () => {
    const { exitCode, json } = await project.causeway('up', '--json');

    expect(exitCode).toBe(0);
    good.push(json().release ?? '');
    expect(await project.ask()).toEqual({
      status: 200,
      release: shortened(good[0]),
      body: `{"release":"${shortened(good[0])}","mark":"python"}`,
    });
  });

  test('is changed and deployed, and loses no request on the way', async () => {
    const load = project.load(presets.plain({ scale: 0.2 }));
    project.edit('server.py', 'MARK = "python"', 'MARK = "python two"');

    const { exitCode, json } = await project.causeway('deploy', '--json');

    expect(exitCode).toBe(0);
    good.push(json().release ?? '');
    expect((await project.ask()).body).toContain('"mark":"python two"');
    expect((await load.stop()).failures).toEqual([]);
  });

  test('is taken back where it fails, with what Python said last', async () => {
    project.write('server.py', await Bun.file(`${import.meta.dir}/../fixtures/python/bad.py`).text());

    const { exitCode, json, stderr } = await project.causeway('deploy', '--json');

    expect(exitCode).toBe(3);
    expect(json().record?.verdict).toMatchObject({
      kind: 'failed',
      cause: 'crashed',
      evidence: {
        exit: 'exit code 1',
        lines: expect.arrayContaining(["KeyError: 'DATABASE_URL_THAT_NOBODY_SET'"]),
      },
    });
    expect(stderr).toContain("KeyError: 'DATABASE_URL_THAT_NOBODY_SET'");
    expect((await project.ask()).release).toBe(shortened(good[1]));
  });

  test('is rolled back', async () => {
    const { exitCode, json } = await project.causeway('rollback', '--json');

    expect([exitCode, json().serves]).toEqual([0, good[0]]);
    expect((await project.ask()).body).toContain('"mark":"python"}');
  });

  test('has its output in the logs', async () => {
    const { stdout } = await project.causeway('logs', '--release', good[0] ?? '');

    expect(stdout).toContain('listening on http://127.0.0.1:');
  });

  test('runs one-off commands beside it, with its files and its variables', async () => {
    const { exitCode, stdout } = await project.causeway(
      'run',
      '--',
      'python3',
      '-c',
      'import os; print(os.path.exists("server.py"), os.environ["RELEASE"])',
    );

    expect([exitCode, stdout]).toEqual([0, `True ${shortened(good[0])}\n`]);
  });

  test('passes on how a one-off command ended', async () => {
    const { exitCode, stderr } = await project.causeway('run', '--', 'python3', '-c', 'raise SystemExit(7)');

    expect(exitCode).toBe(7);
    expect(stderr).toContain('ended with exit code 7');
  });

  test('is down', async () => {
    const { exitCode, stdout } = await project.causeway('down');

    expect(exitCode).toBe(0);
    expect(stdout).toContain('✓ 2 replicas: gone');
    expect(project.strays()).toEqual([]);
    expect(isFree(project.port)).toBe(true);
  });
});

const contract = readFileSync(join(import.meta.dir, '../../docs/service-contract.md'), 'utf8');

const smallest: { language: string; file: string; service: CausewayConfig['service'] }[] = [
  {
    language: 'python',
    file: 'server.py',
    service: { files: ['server.py'], command: ['python3', '-u', 'server.py'] },
  },
  { language: 'js', file: 'server.mjs', service: { files: ['server.mjs'], command: ['node', 'server.mjs'] } },
  { language: 'typescript', file: 'server.ts', service: { entry: 'server.ts' } },
];

describe.each(smallest)(
  'the smallest service of the contract, as its page has it, in $language',
  ({ language, file, service }) => {
    test('is up, is changed, and loses no request on the way', async () => {
      const [, server = ''] = contract.match(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms')) ?? [];
      await using project = await makeProject({
        service: { ...service, paths: ['/'], probes: {} },
        files: {},
      });
      project.write(file, server);

      const up = await project.causeway('up', '--json');
      const load = project.load(presets.plain({ scale: 0.2 }));
      project.edit(file, 'hello', 'hello you');
      const deploy = await project.causeway('deploy', '--json');

      expect([up.exitCode, deploy.exitCode]).toEqual([0, 0]);
      expect((await project.ask()).body).toBe('{"message":"hello you"}');
      expect((await load.stop()).failures).toEqual([]);
    });
  },
);

function shortened(id: string | undefined): string {
  return (id ?? '').slice(0, 7);
}
