import { expect, test } from 'bun:test';
import { printable } from './printable.ts';

test.each([
  ['a title for the window', '\x1b]0;owned\x07', '\\u001b]0;owned\\u0007'],
  ['a cleared screen', 'a\x1b[2Jb', 'a\\u001b[2Jb'],
  ['an escape of eight bits', 'a\u009b2Jb', 'a\\u009b2Jb'],
  ['a line drawn over', 'bad\rgood', 'bad\\u000dgood'],
  ['a text turned round', 'a\u202eb', 'a\\u202eb'],
  ['a tag that nobody sees', 'a\u{e0041}b', 'a\\udb40\\udc41b'],
  ['a line break', 'a\nb', 'a\\u000ab'],
  ['the end of a line of Windows', 'a\r', 'a'],
  ['colours', '\x1b[1;31mred\x1b[0m', 'red'],
  ['a tab', 'a\tb', 'a b'],
  ['plain words', 'zwölf ● 日本', 'zwölf ● 日本'],
])('%s is made visible or left out', (_, text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('line breaks and tabs may stay', () => {
  expect(printable('one\r\n\ttwo\x1b[2J', { keepsLines: true })).toBe('one\n\ttwo\\u001b[2J');
});

test('colours may stay, and end with the text', () => {
  expect(printable('\x1b[31mred\x1b[2J\tx', { keepsLines: true, keepsColours: true })).toBe(
    '\x1b[31mred\\u001b[2J\tx\x1b[0m',
  );
  expect(printable('plain', { keepsColours: true })).toBe('plain');
});
