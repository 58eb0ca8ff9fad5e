import { expect, test } from 'bun:test';
import { fit, makeStyle, widthOf, wrap } from './style.ts';

const colours = (isTerminal: boolean, env: Record<string, string>, isPlain = false) =>
  makeStyle({ stream: { isTerminal }, env, isPlain }).bad('x') !== 'x';

test.each([
  ['a terminal', true, {}, true],
  ['a pipe', false, {}, false],
  ['NO_COLOR on a terminal', true, { NO_COLOR: '1' }, false],
  ['an empty NO_COLOR on a terminal', true, { NO_COLOR: '' }, true],
  ['TERM=dumb', true, { TERM: 'dumb' }, false],
  ['FORCE_COLOR in a pipe', false, { FORCE_COLOR: '1' }, true],
  ['FORCE_COLOR=0 on a terminal', true, { FORCE_COLOR: '0' }, false],
  ['FORCE_COLOR beside NO_COLOR', false, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
])('%s: colour is as its user asked', (_, isTerminal, env, expected) => {
  expect(colours(isTerminal, env as Record<string, string>)).toBe(expected);
  expect(colours(isTerminal, env as Record<string, string>, true)).toBe(false);
});

test.each([
  [{ LANG: 'en_GB.UTF-8' }, '● …'],
  [{ LC_ALL: 'C', LANG: 'en_GB.UTF-8' }, '* ~'],
  [{ LC_CTYPE: 'C.utf8' }, '● …'],
  [{}, '* ~'],
])('in the locale %p characters are what it can show', (env, shown) => {
  expect(makeStyle({ stream: { isTerminal: false }, env, isPlain: true }).spell('● …')).toBe(shown);
});

test.each([
  ['', 5, ['']],
  ['a plain text', 7, ['a plain', 'text']],
  ['  indented more', 10, ['  indented', 'more']],
  ['sha256:0123456789', 8, ['sha256:0', '12345678', '9']],
  ['of 日本語のテキスト', 7, ['of', '日本語', 'のテキ', 'スト']],
])('%p in %d columns is wrapped, and nothing of it is left out', (text, columns, lines) => {
  expect(wrap(text, columns)).toEqual(lines);
});

test.each(['', 'plain', '日本語のテキスト', 'a\x1b[31mred text\x1b[0m b'])(
  '%p is cut to the columns there are',
  (text) => {
    expect(widthOf(fit(text, 6))).toBeLessThanOrEqual(6);
    expect(fit(text, 100)).toBe(text);
  },
);
