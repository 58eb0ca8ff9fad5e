import { expect, test } from 'bun:test';
import { renderTable } from './table.ts';

const columns = [
  { title: 'name' },
  { title: 'about', least: 8 },
  { title: 'who', drop: 1 },
  { title: 'count', align: 'right' },
] as const;
const rows = [
  ['one', 'a longer text than fits', 'ada', '1'],
  ['zwölf', '✓', 'grace', '12,000'],
];
const plain = { bold: (text: string) => text, dim: (text: string) => text };
const render = (width: number) => renderTable({ columns, rows, width, style: plain }).join('\n');

test('columns stand below their titles, numbers to the right', () => {
  expect(render(Number.POSITIVE_INFINITY)).toMatchInlineSnapshot(`
    "name   about                    who     count
    one    a longer text than fits  ada         1
    zwölf  ✓                        grace  12,000"
  `);
});

test('the widest column that may be cut is cut', () => {
  expect(render(40)).toMatchInlineSnapshot(`
    "name   about               who     count
    one    a longer text tha…  ada         1
    zwölf  ✓                   grace  12,000"
  `);
});

test('a column that wraps takes more lines, and nothing of it is left out', () => {
  const [name, about, ...others] = columns;
  const wrapping = [name, { ...about, wraps: true }, ...others] as const;

  expect(renderTable({ columns: wrapping, rows, width: 32, style: plain }).join('\n')).toMatchInlineSnapshot(`
    "name   about       who     count
    one    a longer    ada         1
           text than
           fits
    zwölf  ✓           grace  12,000"
  `);
});

test('where cutting is not enough a column is left out', () => {
  expect(render(28)).toMatchInlineSnapshot(`
    "name   about           count
    one    a longer tex…       1
    zwölf  ✓              12,000"
  `);
});

test('what can be neither cut nor left out stays', () => {
  expect(render(5)).toMatchInlineSnapshot(`
    "name   about      count
    one    a longe…       1
    zwölf  ✓         12,000"
  `);
});

test('a note stands below its row over the whole width, and nothing of it is left out', () => {
  const notes = [undefined, 'what is told of this row needs more than one of its columns'];

  expect(renderTable({ columns, rows, notes, width: 42, style: plain }).join('\n')).toMatchInlineSnapshot(`
    "name   about                 who     count
    one    a longer text than …  ada         1
    zwölf  ✓                     grace  12,000
           │ what is told of this row needs
           │   more than one of its columns"
  `);
});
