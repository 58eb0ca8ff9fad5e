import { expect, test } from 'bun:test';
import { namePathsOnce } from './name-paths-once.ts';

test.each([
  [
    "/srv/shop/run.sh did not start: ENOEXEC: unknown error, posix_spawn '/srv/shop/run.sh'",
    "/srv/shop/run.sh did not start: ENOEXEC: unknown error, posix_spawn 'run.sh'",
  ],
  ['spawn /a/b ENOENT and /a/c', 'spawn /a/b ENOENT and /a/c'],
  ['GET /readyz: 503', 'GET /readyz: 503'],
  [
    'http://127.0.0.1:8080/a/b, http://127.0.0.1:8080/a/b',
    'http://127.0.0.1:8080/a/b, http://127.0.0.1:8080/a/b',
  ],
])('%p names each path once', (text, shown) => {
  expect(namePathsOnce(text)).toBe(shown);
});
