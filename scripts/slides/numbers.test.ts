import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fill } from './fill.ts';
import { numberSources, takeNumbers } from './numbers.ts';

const root = join(import.meta.dir, '../..');
const read = (page: string) => readFileSync(join(root, page), 'utf8');
const picture = (name: string) => read(`docs/slides/${name}.svg`);

test('every number of the slides is on the page that it names, and every name in them is known', () => {
  const numbers = takeNumbers(read);

  const filled = fill(read('docs/slides/deck.md'), { numbers, picture });

  expect(filled).not.toContain('{{');
  expect([...numbers.values()].filter((value) => !/^\$?\d[\d.,]*( m?s| of \d+)?$/.test(value))).toEqual([]);
});

test('every number is shown or said', () => {
  const used = new Set<string>();
  const numbers = takeNumbers(read);
  const get = (name: string) => {
    used.add(name);
    return numbers.get(name);
  };

  fill(read('docs/slides/deck.md'), { numbers: { get }, picture });

  expect(Object.keys(numberSources).filter((name) => !used.has(name))).toEqual([]);
});

test('a number that was measured anew is shown anew', () => {
  const sources = { back: { page: 'proof.md', row: '`rollback`', take: /([\d.]+ s)/ } };
  const numbers = takeNumbers(
    () => '| what | measured |\n| `rollback` → first answer | 9.9 s (1 round) |\n',
    sources,
  );

  expect(fill('{{back}} to be back', { numbers, picture })).toBe('9.9 s to be back');
});

test('a row that is gone, or written otherwise, is told', () => {
  const sources = { back: { page: 'proof.md', row: '`rollback`', take: /([\d.]+ s)/ } };

  expect(() => takeNumbers(() => '| else | 1 s |', sources)).toThrow(
    'the slides want “back”: proof.md has no row “`rollback`”',
  );
  expect(() => takeNumbers(() => '| `rollback` | soon |', sources)).toThrow(
    'the slides want “back”: proof.md has another form of “`rollback`”',
  );
});

test('a name that nobody measured is told', () => {
  expect(() => fill('{{luck}}', { numbers: new Map(), picture })).toThrow('the slides name {{luck}}');
});
