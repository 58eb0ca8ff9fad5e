import { afterAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildArtifact } from '../artifact.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'causeway packages ')));
afterAll(() => rmSync(root, { recursive: true }));

let folders = 0;

function folderWith(files: Readonly<Record<string, unknown>>): string {
  const folder = join(root, `${folders++}`);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

const npmProject = {
  'main.ts': `import { used } from 'used';\nimport { scoped } from '@acme/scoped';\nimport { deep } from 'used/deep/deep.js';\nimport 'own';\nconsole.log(used, scoped, deep);\n`,
  'node_modules/used/package.json': { name: 'used', version: '1.2.3', license: 'MIT', main: 'index.js' },
  'node_modules/used/index.js': `export { inner as used } from 'inner';\n`,
  'node_modules/used/deep/package.json': { type: 'module' },
  'node_modules/used/deep/deep.js': `export const deep = Math.random();\n`,
  'node_modules/used/node_modules/inner/package.json': {
    name: 'inner',
    version: '2.0.0',
    license: { type: 'ISC' },
  },
  'node_modules/used/node_modules/inner/index.js': `export const inner = Math.random();\n`,
  'node_modules/@acme/scoped/package.json': { name: '@acme/scoped', version: '0.1.0' },
  'node_modules/@acme/scoped/index.js': `export const scoped = Math.random();\n`,
  'node_modules/own/package.json': { name: 'own', version: '9.9.9', license: 'MIT' },
  'node_modules/own/index.js': `console.log('own');\n`,
  'node_modules/unused/package.json': { name: 'unused', version: '5.0.0' },
  'node_modules/unused/index.js': '',
  'package-lock.json': {
    lockfileVersion: 3,
    packages: {
      '': { name: 'shop' },
      'node_modules/used': { version: '1.2.3', integrity: 'sha512-used' },
      'node_modules/used/node_modules/inner': { version: '2.0.0', integrity: 'sha512-inner' },
      'node_modules/own': { version: '1.0.0', integrity: 'sha512-of-another-version' },
    },
  },
};

const found = [
  { type: 'npm', name: '@acme/scoped', version: '0.1.0' },
  { type: 'npm', name: 'inner', version: '2.0.0', license: 'ISC', integrity: 'sha512-inner' },
  { type: 'npm', name: 'own', version: '9.9.9', license: 'MIT' },
  { type: 'npm', name: 'used', version: '1.2.3', license: 'MIT', integrity: 'sha512-used' },
] as const;

test('of a bundle the packages count whose files went into it, with what the lockfile says of them', async () => {
  const folder = folderWith(npmProject);

  const { packages } = await buildArtifact({ service: { entry: 'main.ts' }, folder });

  expect(packages).toEqual(found);
});

test('a lockfile above the folder of the config counts, as in a workspace', async () => {
  const { 'package-lock.json': lock, ...files } = npmProject;
  const below = Object.fromEntries(Object.entries(files).map(([path, text]) => [`shop/${path}`, text]));
  const packages = Object.fromEntries(
    Object.entries(lock.packages).map(([path, locked]) => [`shop/${path}`, locked]),
  );
  const folder = folderWith({ ...below, 'package-lock.json': { packages } });

  expect(
    (await buildArtifact({ service: { entry: 'main.ts' }, folder: join(folder, 'shop') })).packages,
  ).toEqual(found);
});

test('a service without packages has none', async () => {
  const folder = folderWith({ 'main.ts': 'console.log(1);\n', 'package-lock.json': 'broken' });

  expect((await buildArtifact({ service: { entry: 'main.ts' }, folder })).packages).toEqual([]);
});

test('of files the npm and Python packages among them count', async () => {
  const folder = folderWith({
    ...npmProject,
    'lib/python/Flask_Cors-4.0.dist-info/METADATA':
      'Metadata-Version: 2.1\nName: Flask_Cors\nVersion: 4.0\nLicense: MIT\n\nName: not this\n',
    'lib/python/odd.dist-info/METADATA': 'Metadata-Version: 2.1\n',
    'lib/python/Flask_Cors-4.0.dist-info/RECORD': '',
  });

  const { packages } = await buildArtifact({
    service: { files: ['node_modules', 'lib'], command: ['x'] },
    folder,
  });

  expect(packages).toEqual([
    ...found.slice(0, -1),
    { type: 'npm', name: 'unused', version: '5.0.0' },
    ...found.slice(-1),
    { type: 'pypi', name: 'flask-cors', version: '4.0', license: 'MIT' },
  ]);
});
