import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Glob } from 'bun';
import { parseConfig } from '../../src/core/config.ts';
import { errorKinds } from '../../src/core/errors.ts';
import { findStale } from './compare-pages.ts';
import { exampleConfig } from './config-page.ts';
import { mendDocs, pages } from './pages.ts';

const root = `${import.meta.dir}/../..`;

for (const page of pages) {
  test(`${page.file} is what the source makes of it; ${mendDocs} writes it`, async () => {
    expect(await Bun.file(`${root}/${page.file}`).text()).toBe(page.make());
  });
}

test('a page that differs from its source, or is missing, is found', async () => {
  await using folder = await makeFolder();
  await Bun.write(`${folder.path}/same.md`, 'same');
  await Bun.write(`${folder.path}/other.md`, 'edited by hand');
  const made = ['same.md', 'other.md', 'missing.md'].map((file) => ({ file, make: () => 'same' }));

  const stale = await findStale(made, folder.path);

  expect(stale.map(({ file }) => file)).toEqual(['other.md', 'missing.md']);
});

test('every link within the pages leads to a heading', async () => {
  const headings = new Map<string, Set<string>>();
  for (const { file, make } of pages.filter(({ file }) => file.endsWith('.md'))) {
    const anchors = [...make().matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => headingAnchor(text));
    headings.set(file.replace('docs/', ''), new Set(anchors));
  }
  for (const { file, make } of pages) {
    for (const [link, page, anchor = ''] of make().matchAll(/\]\(([a-z.-]*\.md)?#([^)]*)\)/g)) {
      const isThere = headings.get(page ?? file.replace('docs/', ''))?.has(anchor);
      expect({ link, isThere }).toEqual({ link, isThere: true });
    }
  }
});

test('every link in the docs leads to a file', async () => {
  const found = await Array.fromAsync(new Glob('docs/**/*.md').scan(root));
  for (const file of ['CONTRIBUTING.md', ...found]) {
    const text = await Bun.file(join(root, file)).text();
    for (const [, path = ''] of text.matchAll(/\]\((?!\w+:)([^)#]+)/g)) {
      expect({ file, path, isThere: existsSync(join(root, dirname(file), path)) }).toMatchObject({
        isThere: true,
      });
    }
  }
});

test('every page calls the command as a clone has it', async () => {
  const found = await Array.fromAsync(new Glob('docs/**/*.md').scan(root));
  for (const file of ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...found]) {
    const text = await Bun.file(join(root, file)).text();
    // The bench tells its peers apart by their names, and `causeway deploy` is one.
    const elsewhere = file.startsWith('docs/proof/') ? [] : text.match(/(?<=[`$] ?)causeway [a-z]+/g);
    expect({ file, elsewhere: elsewhere ?? [] }).toEqual({ file, elsewhere: [] });
  }
});

test('every error code has a heading whose anchor is the code', () => {
  const text = pages.find(({ file }) => file === 'docs/errors.md')?.make() ?? '';
  const codes = [...text.matchAll(/^### (.*)$/gm)].map(([, heading]) => heading);
  expect(codes).toEqual(Object.keys(errorKinds));
});

test('every error code is thrown somewhere, and every code that is thrown is an error code', async () => {
  const scans = ['src/**/*.ts', 'aws/src/**/*.ts'].map((pattern) =>
    Array.fromAsync(new Glob(pattern).scan(root)),
  );
  const files = (await Promise.all(scans)).flat();
  const sources = files.filter((file) => !/\.test\.ts$|\/fake-|core\/errors\.ts$/.test(file));
  const texts = await Promise.all(sources.map((file) => Bun.file(join(root, file)).text()));

  const thrown = new Set(texts.flatMap(codesThrownIn));

  expect([...thrown].toSorted()).toEqual(Object.keys(errorKinds).toSorted());
});

test('the example in docs/config.md is a config without a fault', async () => {
  await using folder = await makeFolder();
  const file = `${folder.path}/example.ts`;
  await Bun.write(file, exampleConfig);

  const module: { default: unknown } = await import(file);

  expect(() => parseConfig(module.default, 'example')).not.toThrow();
});

test('the config that this repository ships has no fault', async () => {
  const { default: shipped } = await import('../../causeway.config.ts');
  const { service, environments } = parseConfig(shipped, 'causeway.config.ts');

  expect(Object.keys(environments)).toEqual(['local', 'container', 'production']);
  expect(await Bun.file(`${root}/${service.entry}`).exists()).toBe(true);
});

/** The literals in what `code:` is given, the condition of a choice left out: a comparison throws nothing. */
function codesThrownIn(text: string): readonly string[] {
  return [...text.matchAll(/\bcode: ([^,;}]+)/g)].flatMap(([, value = '']) => {
    const chosen = value.replaceAll(/[!=]== '[^']*'/g, '');
    return [...chosen.matchAll(/'([a-z]+(?:_[a-z]+)+)'/g)].map(([, code = '']) => code);
  });
}

async function makeFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(`${tmpdir()}/causeway-docs-`);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** As GitHub makes it: lower case, without what is no letter, digit, `-` or `_`, blanks as `-`. */
function headingAnchor(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9 _-]/g, '')
    .replaceAll(' ', '-');
}
