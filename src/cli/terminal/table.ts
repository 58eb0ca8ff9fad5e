import { printable } from './printable.ts';
import { renderBelow } from './step-line.ts';
import { fit, type Style, widthOf, wrap } from './style.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'right';
  /** May be cut to this many columns where the terminal is narrow. */
  readonly least?: number;
  /** Is never cut: takes more lines instead. */
  readonly wraps?: true;
  /** Left out where cutting is not enough; the lowest first. */
  readonly drop?: number;
}

export interface TableOptions {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
  /** By row: what stands below it from its second column on, over the whole width. */
  readonly notes?: readonly (string | undefined)[];
  /** Infinity where there is no terminal. */
  readonly width: number;
  readonly style: Pick<Style, 'bold' | 'dim'>;
}

const gap = 2;

/** Columns below their titles, within a width as far as that is possible. */
export function renderTable(options: TableOptions): readonly string[] {
  const { columns, width, style } = options;
  const rows = options.rows.map((row) => row.map((cell) => printable(cell)));
  let kept: readonly Sized[] = columns.map((column, index) => ({
    ...column,
    index,
    width: widthOfColumn(column.title, rows, index),
  }));
  while (totalOf(kept) > width) {
    const shrunk = shrink(kept, totalOf(kept) - width);
    if (totalOf(shrunk) <= width) {
      kept = shrunk;
      break;
    }
    const [next] = kept
      .filter(({ drop }) => drop !== undefined)
      .sort((a, b) => (a.drop ?? 0) - (b.drop ?? 0));
    if (!next) {
      kept = shrunk;
      break;
    }
    kept = kept.filter((column) => column !== next);
  }
  const [head = ''] = linesOf(
    kept,
    columns.map(({ title }) => title),
  );
  const room = { width: (kept[0]?.width ?? 0) + gap, columns: width };
  const belowOf = (note: string | undefined) => (note === undefined ? [] : renderBelow(note, style, room));
  return [
    style.bold(head),
    ...rows.flatMap((cells, at) => [...linesOf(kept, cells), ...belowOf(options.notes?.[at])]),
  ];
}

interface Sized extends Column {
  readonly index: number;
  readonly width: number;
}

function widthOfColumn(title: string, rows: TableOptions['rows'], index: number): number {
  return Math.max(widthOf(title), ...rows.map((row) => widthOf(row[index] ?? '')));
}

function totalOf(columns: readonly Sized[]): number {
  return columns.reduce((sum, { width }) => sum + width, 0) + gap * Math.max(0, columns.length - 1);
}

/** Takes what is too much from those that may be cut, the widest first. */
function shrink(columns: readonly Sized[], tooMuch: number): readonly Sized[] {
  const sizes = columns.map(({ width }) => width);
  for (let left = tooMuch; left > 0; left--) {
    let widest = -1;
    for (const [at, { least }] of columns.entries()) {
      const size = sizes[at] ?? 0;
      if (least !== undefined && size > least && size > (sizes[widest] ?? 0)) widest = at;
    }
    if (widest === -1) break;
    sizes[widest] = (sizes[widest] ?? 0) - 1;
  }
  return columns.map((column, at) => ({ ...column, width: sizes[at] ?? column.width }));
}

/** A row: one line, or more where a cell needs them. */
function linesOf(columns: readonly Sized[], cells: readonly string[]): readonly string[] {
  const parts = columns.map(({ index, width, wraps }) => {
    const text = cells[index] ?? '';
    return wraps ? wrap(text, width) : [text];
  });
  const height = Math.max(...parts.map(({ length }) => length));
  return Array.from({ length: height }, (_, at) =>
    columns
      .map((column, place) => cell(column, parts[place]?.[at] ?? ''))
      .join(' '.repeat(gap))
      .trimEnd(),
  );
}

function cell({ align, width }: Sized, text: string): string {
  const shown = fit(text, width);
  const space = ' '.repeat(width - widthOf(shown));
  return align === 'right' ? space + shown : shown + space;
}
