import { expect, test } from 'bun:test';
import { findDocs } from './find-docs.ts';

test.each([
  ['/opt/causeway', 'docs/errors.md#usage_wrong', 'docs/errors.md#usage_wrong'],
  ['/opt', 'docs/config.md shows what it holds', 'causeway/docs/config.md shows what it holds'],
  ['/opt/causeway/docs', 'mend it; docs/config.md says how', 'mend it; config.md says how'],
  ['/home/ada/shop', 'docs/errors.md#usage_wrong', '/opt/causeway/docs/errors.md#usage_wrong'],
  [
    '/opt/causeway/src',
    'docs/config.md, docs/cli.md',
    '/opt/causeway/docs/config.md, /opt/causeway/docs/cli.md',
  ],
  ['/home/ada/shop', 'edit my/docs/a.md or docs/main.ts', 'edit my/docs/a.md or docs/main.ts'],
])('from %s, %p can be opened', (cwd, text, shown) => {
  expect(findDocs({ docs: '/opt/causeway/docs', cwd }, text)).toBe(shown);
});
