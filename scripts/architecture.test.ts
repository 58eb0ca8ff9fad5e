import { expect, test } from 'bun:test';
import { Glob } from 'bun';
import { findViolations, type Source } from './architecture/rules.ts';

const root = `${import.meta.dir}/..`;

test('imports go one way, core does no I/O, and files are named after what they hold', async () => {
  const sources = await readSources();

  expect(sources.length).toBeGreaterThan(20);
  expect(findViolations(sources)).toEqual([]);
});

const wrong: readonly [string, string, string][] = [
  ['core imports an adapter', 'src/core/x.ts', `import { y } from '../local/y.ts'; y();`],
  ['core imports an adapter’s type', 'src/core/x.ts', `import type { Y } from '../local/y.ts';`],
  ['core imports a type in line', 'src/core/x.ts', `export type X = import('../cli/y.ts').Y;`],
  ['core loads an adapter later', 'src/core/x.ts', `export const y = () => import('../image/y.ts');`],
  ['core re-exports an adapter', 'src/core/x.ts', `export { y } from '../image/y.ts';`],
  ['the image imports a target', 'src/image/x.ts', `import { y } from '../local/y.ts'; y();`],
  ['a target imports the command line', 'src/local/a/x.ts', `import { y } from '../../cli/y.ts'; y();`],
  ['the load imports the target', 'src/load/x.ts', `import { y } from '../local/y.ts'; y();`],
  ['the tool imports what tests it', 'src/cli/x.ts', `import { y } from '../../e2e/y.ts'; y();`],
  ['the tool imports the service', 'src/cli/x.ts', `import { y } from '../../service/src/y.ts'; y();`],
  ['the service imports the tool', 'service/src/x.ts', `import { y } from '../../src/core/y.ts'; y();`],
  ['a layer that nobody knows', 'src/moon/x.ts', ''],
  ['core reads a file', 'src/core/x.ts', `import { readFileSync } from 'node:fs'; readFileSync('x');`],
  ['core imports a package', 'src/core/x.ts', `import type { Command } from 'commander';`],
  ['core reads the environment', 'src/core/x.ts', 'export const home = process.env.HOME;'],
  ['core uses the runtime', 'src/core/x.ts', `export const x = Bun.file('x');`],
  ['core sends a request', 'src/core/x.ts', `export const x = fetch('http://x');`],
  ['core waits', 'src/core/x.ts', 'setTimeout(() => {}, 1);'],
  ['core reads the clock', 'src/core/x.ts', 'export const at = Date.now();'],
  ['core reads the clock by a date', 'src/core/x.ts', 'export const at = new Date();'],
  ['core reads the fine clock', 'src/core/x.ts', 'export const at = performance.now();'],
  ['core throws dice', 'src/core/x.ts', 'export const x = Math.random();'],
  ['core makes an id', 'src/core/x.ts', 'export const id = crypto.randomUUID();'],
  [
    'core loads what takes long',
    'src/core/x.ts',
    `import { createHash } from 'node:crypto'; createHash('md5');`,
  ],
  ['core prints', 'src/core/x.ts', `console.log('x');`],
  ['core prints within a text', 'src/core/x.ts', `export const x = \`\${console.log(1)}\`;`],
  ['a module ends the process', 'src/cli/x.ts', 'process.exit(1);'],
  ['a module of the service reads the environment', 'service/src/x.ts', 'export const x = process.env.X;'],
  ['a file of this and that', 'src/local/string-utils.ts', ''],
  ['a folder of this and that', 'service/src/common/x.ts', ''],
  ['a barrel', 'src/core/index.ts', ''],
];
for (const [title, path, text] of wrong) {
  test(`it is a violation when ${title}`, () => {
    expect(findViolations([{ path, text }])[0]).toStartWith(`${path} `);
  });
}

const right: readonly [string, string, string][] = [
  ['a layer imports itself and those below it', 'src/local/x.ts', `import { y } from '../core/y.ts'; y();`],
  ['a comment speaks of an import', 'src/core/x.ts', `// import { y } from '../cli/y.ts'\n/* Date.now() */`],
  ['a text speaks of the process', 'src/core/x.ts', `export const x = 'process.env is not read';`],
  ['a test of core waits', 'src/core/x.test.ts', `import { test } from 'bun:test'; setTimeout(test, 1);`],
  ['an entry ends the process', 'src/local/supervisor/main.ts', 'process.exit(1);'],
  ['a target ends another process', 'src/local/x.ts', 'process.kill(1, 0);'],
  ['core hashes', 'src/core/x.ts', `export const x = new Bun.CryptoHasher('sha256');`],
];
for (const [title, path, text] of right) {
  test(`it is no violation when ${title}`, () => {
    expect(findViolations([{ path, text }])).toEqual([]);
  });
}

async function readSources(): Promise<readonly Source[]> {
  const found = await Array.fromAsync(new Glob('{src,service,e2e,bench,scripts}/**/*.{ts,tsx}').scan(root));
  const paths = ['causeway.config.ts', ...found.filter((path) => !path.includes('node_modules/'))];
  return Promise.all(paths.map(async (path) => ({ path, text: await Bun.file(`${root}/${path}`).text() })));
}
