import { expect, test } from 'bun:test';
import { UserError } from '../../core/errors.ts';
import { parseReference, showReference } from './reference.ts';

const digest = `sha256:${'0a'.repeat(32)}`;

test.each([
  ['debian', 'docker.io/library/debian'],
  ['debian:12', 'docker.io/library/debian:12'],
  ['oven/bun:1.4.5-slim', 'docker.io/oven/bun:1.4.5-slim'],
  ['docker.io/debian', 'docker.io/library/debian'],
  ['index.docker.io/oven/bun', 'docker.io/oven/bun'],
  ['gcr.io/distroless/cc-debian12:nonroot', 'gcr.io/distroless/cc-debian12:nonroot'],
  ['localhost/shop', 'localhost/shop'],
  ['localhost:5000/shop:main', 'localhost:5000/shop:main'],
  ['127.0.0.1:5000/team/shop', '127.0.0.1:5000/team/shop'],
  ['[::1]:5000/shop:v1', '[::1]:5000/shop:v1'],
  ['Registry/shop', 'Registry/shop'],
  ['registry/shop', 'docker.io/registry/shop'],
  ['example.com/a__b/c-d.e--f:V_1.x-2', 'example.com/a__b/c-d.e--f:V_1.x-2'],
  [`shop@${digest}`, `docker.io/library/shop@${digest}`],
  [`example.com/shop:main@${digest}`, `example.com/shop:main@${digest}`],
])('%s is %s', (text, whole) => {
  expect(showReference(parseReference(text))).toBe(whole);
  expect(parseReference(whole)).toEqual(parseReference(text));
});

test('host, repository, tag and digest are told apart', () => {
  expect(parseReference(`example.com:443/team/shop:main@${digest}`)).toEqual({
    host: 'example.com:443',
    repository: 'team/shop',
    tag: 'main',
    digest,
  });
  expect(parseReference('shop')).toEqual({ host: 'docker.io', repository: 'library/shop' });
});

test.each([
  '',
  ' ',
  'shop ',
  '/shop',
  'shop/',
  'team//shop',
  'shop:',
  'shop:-main',
  'shop:a b',
  `shop:${'a'.repeat(129)}`,
  'a'.repeat(256),
  'Shop',
  'example.com/Shop',
  'example.com/../shop',
  'example.com/shop_',
  'example.com/sh___op',
  'exa_mple.com/shop',
  '-a.com/shop',
  'example.com:0/shop',
  'example.com:65536/shop',
  'example.com:port/shop',
  'user@example.com/shop',
  'shop@sha256:12',
  `shop@${digest}@${digest}`,
  `shop@${digest.toUpperCase()}`,
  'shop@md5:0123456789abcdef',
  'https://example.com/shop',
  'example.com/shop\n',
  'example.com/shop?x=1',
  'example.com/shop#x',
  'example.com\\shop',
])('%j is refused with its own words', (text) => {
  const thrown = errorOf(() => parseReference(text));

  expect(thrown).toBeInstanceOf(UserError);
  expect(thrown).toMatchObject({ code: 'reference_wrong' });
  expect((thrown as UserError).message).toContain(`'${text}'`);
});

test('what was meant is in the hint where it can be known', () => {
  expect(errorOf(() => parseReference('https://example.com/shop'))).toMatchObject({
    hint: 'write example.com/shop',
  });
  expect(errorOf(() => parseReference('example.com/Shop'))).toMatchObject({ hint: 'write example.com/shop' });
});

function errorOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
