import { expect, test } from 'bun:test';
import { renderNext } from './next-steps.ts';
import { makeStyle } from './style.ts';

const plain = makeStyle({ stream: { isTerminal: false }, env: {}, isPlain: true });

test('what to do next takes the lines that it needs', () => {
  const steps = ['edit main.ts, then deploy', 'causeway demo', 'causeway down'];

  expect(renderNext(steps, { columns: 40, style: plain, command: 'causeway' })).toEqual([
    'next     edit main.ts, then deploy',
    '         causeway demo · causeway down',
  ]);
  expect(
    renderNext(steps, { columns: Number.POSITIVE_INFINITY, style: plain, command: './causeway' }),
  ).toEqual(['next     edit main.ts, then deploy · ./causeway demo · ./causeway down']);
});
