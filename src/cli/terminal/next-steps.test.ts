import { expect, test } from 'bun:test';
import { renderNext } from './next-steps.ts';
import { makeStyle } from './style.ts';

const plain = makeStyle({ stream: { isTerminal: false }, env: {}, isPlain: true });

test('what to do next takes the lines that it needs', () => {
  const steps = ['edit main.ts, then deploy', 'causeway demo', 'causeway down'];

  expect(renderNext(steps, 40, plain)).toEqual([
    'next     edit main.ts, then deploy',
    '         causeway demo · causeway down',
  ]);
  expect(renderNext(steps, Number.POSITIVE_INFINITY, plain)).toEqual([
    'next     edit main.ts, then deploy · causeway demo · causeway down',
  ]);
});
