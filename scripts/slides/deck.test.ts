import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { findDeckFaults } from './deck.ts';

test('the slides are a talk of 15 to 20 minutes, each in its time, with numbers that were measured', async () => {
  const deck = await Bun.file(join(import.meta.dir, '../../docs/slides/deck.md')).text();

  expect(findDeckFaults(deck)).toEqual([]);
});

const words = (count: number) => 'word '.repeat(count).trim();
const deckOf = (...slides: readonly string[]) => ['---\nmarp: true\n', ...slides].join('\n---\n');
const slide = (time: string, count: number, text = '# Title') =>
  `${text}\n\n<!--\n${time}\n\n${words(count)}\n-->\n`;

test('a good deck has no fault', () => {
  expect(findDeckFaults(deckOf(slide('0:00–8:00', 1000), slide('8:00–16:00', 1040)))).toEqual([]);
});

const wrong: readonly [string, string, string][] = [
  ['says too little', deckOf(slide('0:00–16:00', 1000)), 'what is said takes 7.7 min, and not 15 to 20'],
  ['ends late', deckOf(slide('0:00–21:00', 2100)), 'it ends after 21 min, and not after 15 to 20'],
  [
    'says too much on a slide',
    deckOf(slide('0:00–2:00', 390), slide('2:00–16:00', 1700)),
    'slide 1: 180 s to say in 120 s',
  ],
  [
    'has no time',
    deckOf(slide('soon', 10), slide('0:00–16:00', 2000)),
    'slide 1: its notes do not begin with its time, such as 0:00–2:30',
  ],
  [
    'has a gap',
    deckOf(slide('0:00–8:00', 1000), slide('9:00–17:00', 1000)),
    'slide 2 does not begin where the one before ends',
  ],
  [
    'has a number of its own',
    deckOf(slide('0:00–16:00', 2000, '# 12.8 × as fast')),
    'slide 1 has 12.8 × of its own: name it in scripts/slides/numbers.ts',
  ],
  [
    'has a price of its own',
    deckOf(slide('0:00–16:00', 2000, '# $0.23 an hour')),
    'slide 1 has $0.23 of its own: name it in scripts/slides/numbers.ts',
  ],
  ['has an arrow', deckOf(slide('0:00–16:00', 2000, '# a → b')), 'slide 1 has →, which the fonts lack'],
];
for (const [title, deck, fault] of wrong) {
  test(`a deck is refused that ${title}`, () => {
    expect(findDeckFaults(deck)).toContain(fault);
  });
}
