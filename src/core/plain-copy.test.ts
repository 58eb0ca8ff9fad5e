import { expect, test } from 'bun:test';
import { plainCopy } from './plain-copy.ts';

test('data is copied as it is, undefined values included', () => {
  const data = { a: [1, 'x', null, { b: true }], c: undefined, d: 5n };

  const { copy, prototypeKeys } = plainCopy(data);

  expect(copy).toEqual(data);
  expect(copy).not.toBe(data);
  expect(prototypeKeys).toEqual([]);
});

test('an object that occurs twice is no object that holds itself', () => {
  const shared = { a: 1 };
  expect(plainCopy({ x: shared, y: [shared, shared] }).copy).toEqual({ x: shared, y: [shared, shared] });
});

const cyclic: Record<string, unknown> = {};
cyclic.self = { back: [cyclic] };

const foreign: readonly [unknown, string][] = [
  [() => 1, 'a function'],
  [class A {}, 'a function'],
  [Symbol('mine'), 'a symbol'],
  [new Date(0), 'a Date'],
  [Promise.resolve(), 'a Promise'],
  [new Map(), 'a Map'],
  [new Error('x'), 'an Error'],
  [new (class Settings {})(), 'a Settings'],
  [Object.create({ inherited: 1 }), 'an object with a prototype of its own'],
  [
    new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no');
        },
      },
    ),
    'a value that cannot be read (no)',
  ],
];
for (const [value, description] of foreign) {
  test(`what is no data becomes a symbol that says what it was: ${description}`, () => {
    const { copy } = plainCopy({ at: value });
    expect((copy as { at: symbol }).at.description).toBe(description);
  });
}

test('a value that holds itself, at whatever depth, ends where it comes back', () => {
  const { copy } = plainCopy(cyclic) as { copy: { self: { back: symbol[] } } };
  expect(copy.self.back[0]?.description).toBe('an object that holds itself');
});

test('a value of a hundred thousand levels is cut, not followed', () => {
  let deep: unknown = 'the bottom';
  for (let level = 0; level < 100_000; level++) deep = { deep };
  expect(() => plainCopy(deep)).not.toThrow();
});

test('a key called __proto__ is reported with its place, and changes no prototype', () => {
  const { copy, prototypeKeys } = plainCopy(JSON.parse('{"a":{"__proto__":{"isBad":true}}}'));

  expect(prototypeKeys).toEqual([['a', '__proto__']]);
  expect((copy as { a: { isBad?: boolean } }).a.isBad).toBeUndefined();
});
