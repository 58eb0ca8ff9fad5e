import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Glob } from 'bun';
import { findDeadLinks } from './links.ts';

const root = join(import.meta.dir, '../..');

test('every link in every page leads to a file, a heading or an address', async () => {
  const found = await Array.fromAsync(new Glob('**/*.md').scan({ cwd: root, dot: true }));
  const own = found.filter((path) => !/(^|\/)(node_modules|\.git)\//.test(path));
  const pages = new Map(
    await Promise.all(own.map(async (path) => [path, await Bun.file(join(root, path)).text()] as const)),
  );

  expect(pages.size).toBeGreaterThan(30);
  expect(findDeadLinks({ pages, isThere: (path) => existsSync(join(root, path)) })).toEqual([]);
});

const other =
  '# The other page\n\n## What `up` does, and why\n\n## Twice\n\n## Twice\n\n```\n# no heading\n```\n';

const right: readonly string[] = [
  '[a page](other.md)',
  '[a heading](other.md#what-up-does-and-why)',
  '[the second of its name](other.md#twice-1)',
  '## Here\n[further up](#here)',
  '![a picture](../docs/picture.svg)',
  '[elsewhere](https://kind.sigs.k8s.io/docs/user/local-registry/)',
  'code is no link: `[a](b.md)`\n\n```\n[a](b.md)\n```',
];
for (const text of right) {
  test(`it leads somewhere: ${text.split('\n')[0]}`, () => {
    expect(deadIn(text)).toEqual([]);
  });
}

const wrong: readonly string[] = [
  'missing.md',
  'other.md#missing',
  'other.md#no-heading',
  '#missing',
  '../../outside.md',
  'picture.svg#part',
  'http://example.com',
  'https://nowhere',
  'mailto:somebody@example.com',
];
for (const link of wrong) {
  test(`it leads nowhere: ${link}`, () => {
    expect(deadIn(`see [this](${link}).`)).toEqual([`docs/page.md: ${link}`]);
  });
}

function deadIn(text: string): readonly string[] {
  const pages = new Map([
    ['docs/page.md', text],
    ['docs/other.md', other],
  ]);
  const files = new Set([...pages.keys(), 'docs/picture.svg']);
  return findDeadLinks({ pages, isThere: (path) => files.has(path) });
}
