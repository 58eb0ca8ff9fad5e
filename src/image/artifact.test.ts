import { afterAll, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unpackTar } from 'modern-tar';
import { errorOf } from '../core/error-of.ts';
import { buildArtifact } from './artifact.ts';
import { unpackArtifact } from './unpack.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'causeway artifact ')));
afterAll(() => rmSync(root, { recursive: true }));

let folders = 0;

function folderWith(files: Readonly<Record<string, string>>, name = `${folders++}`): string {
  const folder = join(root, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

async function listOf(tar: Uint8Array): Promise<readonly string[]> {
  const entries = await unpackTar(tar);
  return entries.map(
    ({ header }) =>
      `${header.mode?.toString(8)} ${header.uid}:${header.gid} ${header.mtime?.getTime()} ${header.name}`,
  );
}

const service = {
  'src/main.ts': `import dep from 'dep';\nimport { boom } from './boom.ts';\nimport logo from './logo.svg' with { type: 'file' };\nconsole.log(dep, __dirname, __filename, process.env.NODE_ENV, import.meta.dir, logo);\nboom();\n`,
  'src/boom.ts': `type Text = string;\n\nexport function boom(): void {\n  throw new Error('boom' satisfies Text);\n}\n`,
  'src/logo.svg': '<svg/>',
  'node_modules/dep/index.js': 'module.exports = { folder: __dirname };\n',
};

test('an entry gives the same bytes in any folder, whatever the environment says', async () => {
  const plain = folderWith(service, 'here');
  const other = folderWith(service, 'some where/deeper down');

  const first = await buildArtifact({ service: { entry: 'src/main.ts' }, folder: plain });
  process.env.NODE_ENV = 'production';
  const second = await buildArtifact({ service: { entry: 'src/main.ts' }, folder: other }).finally(() => {
    process.env.NODE_ENV = 'test';
  });

  expect(second.artifact.digest).toBe(first.artifact.digest);
  expect(Buffer.compare(first.artifact.tar, second.artifact.tar)).toBe(0);
  expect(first.command).toEqual(['bun', '--no-install', '--no-env-file', 'main.js']);
  expect(first.artifact.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
});

test('a bundle holds no path of the machine that built it', async () => {
  const folder = folderWith(service);

  const { artifact } = await buildArtifact({ service: { entry: 'src/main.ts' }, folder });

  const text = new TextDecoder().decode(artifact.tar);
  expect(text).not.toContain(root);
  expect(text).not.toContain(import.meta.dir);
  expect(
    (await listOf(artifact.tar)).map((line) => line.replace(/-[0-9a-z]{8}\.svg/, '-<hash>.svg')),
  ).toEqual(['644 0:0 0 app/logo-<hash>.svg', '644 0:0 0 app/main.js', '644 0:0 0 app/main.js.map']);
});

test('a stack names the line of the source, not that of the bundle', async () => {
  const folder = folderWith(service);
  const { artifact } = await buildArtifact({ service: { entry: 'src/main.ts' }, folder });
  const target = join(root, 'run it');
  await unpackArtifact(artifact.tar, target);

  const { stderr, stdout } = Bun.spawnSync([process.execPath, 'main.js'], { cwd: target, env: {} });

  expect(stderr.toString()).toContain(`${target}/src/boom.ts:4:`);
  expect(stdout.toString()).toContain(`${target}/main.js undefined ${target}`);
});

test('a syntax error names its file, line and column, and shows the line', async () => {
  const folder = folderWith({ 'main.ts': 'const port = ;\n' });

  const error = await errorOf(buildArtifact({ service: { entry: 'main.ts' }, folder }));

  expect(error.code).toBe('build_failed');
  expect(error.message).toBe('main.ts:1:14: Unexpected ;');
  expect(error.details).toBe('  const port = ;\n               ^');
});

test('every import that is not there is listed', async () => {
  const folder = folderWith({ 'main.ts': `import './nope.ts';\nimport 'no-such-package';\n` });

  const error = await errorOf(buildArtifact({ service: { entry: 'main.ts' }, folder }));

  expect(error.message).toBe('main.ts:1:8: Could not resolve: "./nope.ts"');
  expect(error.details).toContain('main.ts:2:8: Could not resolve: "no-such-package"');
});

test('an entry that is not there is named as the config names it', async () => {
  const error = await errorOf(buildArtifact({ service: { entry: 'src/main.ts' }, folder: root }));

  expect(error.message).toBe("the service's entry is not a file: src/main.ts");
});

test('a bundle that would need a path of this machine is refused', async () => {
  const folder = folderWith({ ...service, 'main.ts': `console.log(require.resolve('dep'));\n` });

  const error = await errorOf(buildArtifact({ service: { entry: 'main.ts' }, folder }));

  expect(error.message).toBe(
    'main.ts needs node_modules/dep/index.js at its place on this machine, which is not where it runs',
  );
});

const python = {
  'server.py': 'print("serve")\n',
  'lib/b.py': 'b\n',
  'lib/a.py': 'a\n',
  'lib/node_modules/dep/index.js': 'dep\n',
  'lib/.git/config': 'secret\n',
  '.git/HEAD': 'ref\n',
  'bin/start': '#!/bin/sh\n',
};

test('files keep their paths and executable bits, sorted, without times and owners', async () => {
  const folder = folderWith(python);
  chmodSync(join(folder, 'bin/start'), 0o700);
  chmodSync(join(folder, 'server.py'), 0o600);

  const built = await buildArtifact({
    service: { files: ['server.py', 'lib/**/*.py', './bin/'], command: ['bin/start'] },
    folder,
  });

  expect(built.command).toEqual(['bin/start']);
  expect(await listOf(built.artifact.tar)).toEqual([
    '755 0:0 0 app/bin/start',
    '644 0:0 0 app/lib/a.py',
    '644 0:0 0 app/lib/b.py',
    '644 0:0 0 app/server.py',
  ]);
});

test('the order of the globs and the time of the files change nothing', async () => {
  const folder = folderWith(python);
  const other = folderWith(python);

  const one = await buildArtifact({ service: { files: ['server.py', 'lib'], command: ['x'] }, folder });
  const two = await buildArtifact({
    service: { files: ['lib/*.py', 'lib', 'server.py'], command: ['x'] },
    folder: other,
  });

  expect(two.artifact.digest).toBe(one.artifact.digest);
});

test('.git is never part of an artifact, node_modules where it is named', async () => {
  const folder = folderWith(python);

  const all = await buildArtifact({ service: { files: ['.'], command: ['x'] }, folder });
  const named = await buildArtifact({ service: { files: ['lib/node_modules'], command: ['x'] }, folder });

  expect((await listOf(all.artifact.tar)).map((line) => line.split(' ').at(-1))).toEqual([
    'app/bin/start',
    'app/lib/a.py',
    'app/lib/b.py',
    'app/server.py',
  ]);
  expect((await listOf(named.artifact.tar)).map((line) => line.split(' ').at(-1))).toEqual([
    'app/lib/node_modules/dep/index.js',
  ]);
});

test('a glob that nothing fits is named', async () => {
  const error = await errorOf(
    buildArtifact({ service: { files: ['dist/*.js'], command: ['x'] }, folder: folderWith(python) }),
  );

  expect(error.message).toBe('service.files: nothing fits dist/*.js');
});

test('a path or link that leaves the folder is refused', async () => {
  const folder = folderWith(python);
  writeFileSync(join(root, 'outside'), 'secret');
  symlinkSync('../../outside', join(folder, 'lib/out'));
  symlinkSync('..', join(folder, 'up'));
  symlinkSync(join(folder, 'server.py'), join(folder, 'absolute'));
  const build = (path: string) =>
    errorOf(buildArtifact({ service: { files: [path], command: ['x'] }, folder }));

  expect((await build('../outside')).message).toBe('../outside lies outside the folder of the config');
  expect((await build('up/outside')).message).toBe('up/outside lies outside the folder of the config');
  expect((await build('lib')).message).toMatch(/^the link lib\/out leads out of the folder/);
  expect((await build('absolute')).message).toMatch(/^the link absolute leads out of the folder/);
});

test('a link within the artifact is kept, one that would lead nowhere is refused', async () => {
  const folder = folderWith(python);
  symlinkSync('lib/a.py', join(folder, 'link.py'));
  symlinkSync('lib', join(folder, 'lib-link'));

  const { artifact } = await buildArtifact({
    service: { files: ['link.py', 'lib-link', 'lib'], command: ['x'] },
    folder,
  });
  const target = join(root, 'links');
  await unpackArtifact(artifact.tar, target);
  const error = await errorOf(buildArtifact({ service: { files: ['link.py'], command: ['x'] }, folder }));

  expect(readFileSync(join(target, 'link.py'), 'utf8')).toBe('a\n');
  expect(readFileSync(join(target, 'lib-link/b.py'), 'utf8')).toBe('b\n');
  expect(error.message).toBe('the link link.py leads to lib/a.py, which is not part of service.files');
});

test('what is unpacked is what was packed', async () => {
  const folder = folderWith({
    ...python,
    [`long/${'deep/'.repeat(60)}file.txt`]: 'far\n',
    empty: '',
    'ümlaut.txt': 'ü\n',
  });
  chmodSync(join(folder, 'bin/start'), 0o755);
  const { artifact } = await buildArtifact({ service: { files: ['.'], command: ['x'] }, folder });
  const target = join(root, 'unpacked');

  await unpackArtifact(artifact.tar, target);

  expect(readFileSync(join(target, 'server.py'), 'utf8')).toBe(python['server.py']);
  expect(readFileSync(join(target, 'long', ...Array(60).fill('deep'), 'file.txt'), 'utf8')).toBe('far\n');
  expect(readFileSync(join(target, 'ümlaut.txt'), 'utf8')).toBe('ü\n');
  expect(readFileSync(join(target, 'empty'), 'utf8')).toBe('');
  expect(statSync(join(target, 'bin/start')).mode & 0o111).toBe(0o111);
  expect(existsSync(join(target, '.git'))).toBe(false);
});

test.skipIf(process.platform !== 'linux').each([['*.txt'], ['.']])(
  'a file among %p whose name is not UTF-8 is named as such',
  async (glob) => {
    const folder = folderWith({ 'server.mjs': '' });
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/bad`), Buffer.of(255), Buffer.from('.txt')]), '');

    const error = await errorOf(buildArtifact({ service: { files: ['server.mjs', glob] }, folder }));

    expect(error).toMatchObject({
      code: 'build_failed',
      message: 'the name of bad\ufffd.txt is not UTF-8, so it cannot be part of an artifact',
      hint: 'rename it, or leave it out of service.files',
    });
  },
);
