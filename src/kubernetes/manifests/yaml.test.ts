import { expect, test } from 'bun:test';
import { toYaml } from './yaml.ts';

const texts = [
  'plain',
  'with space',
  'yes',
  'No',
  'y',
  'on',
  'true',
  'null',
  '~',
  '',
  ' lead',
  'trail ',
  '1',
  '1e3',
  '0x1f',
  '017',
  '1_000',
  '12:30:45',
  '2024-01-01',
  '.inf',
  '=',
  '<<',
  '#c',
  'a #b',
  'a: b',
  'a:',
  'a:b',
  '- a',
  '-',
  '?',
  '!x',
  '%a',
  '@x',
  '`x',
  '&a',
  '*a',
  '[a',
  '{a',
  ',',
  '|',
  '>',
  "it's",
  '"q"',
  'two\nlines\n',
  '\n',
  'tab\t',
  '---',
  '...',
  'é',
  '\u2028',
  '\u0007',
  '256Mi',
  '127.0.0.1:5250/shop@sha256:ab',
  'registry:5000/shop',
  'C:\\x',
  '…',
];

test('every text comes back as the text it was, as a value and as a key', () => {
  const object = { texts, keys: Object.fromEntries(texts.map((text, index) => [text, index])) };

  expect(Bun.YAML.parse(toYaml([object]))).toEqual(object);
});

test('what YAML 1.1 takes for something else is quoted', () => {
  expect(toYaml([{ a: ['yes', '1_000', '12:30:45', '=', 'y', '2024-01-01'] }])).toBe(`---
a:
- "yes"
- "1_000"
- "12:30:45"
- "="
- "y"
- "2024-01-01"
`);
});

test('lists, objects and what is empty come back as they were', () => {
  const object = { a: [[1, [2]], { b: null, c: [] }, {}], d: { e: { f: true } }, g: [], h: {}, i: 1.5 };

  expect(Bun.YAML.parse(toYaml([object]))).toEqual(object);
});

test('each object is a document, and undefined is left out', () => {
  expect(toYaml([{ a: undefined, b: 1 }, { c: 2 }])).toBe('---\nb: 1\n---\nc: 2\n');
});
