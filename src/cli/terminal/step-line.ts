import { showMs } from '../../core/duration.ts';
import { printable } from './printable.ts';
import { type Style, widthOf } from './style.ts';

export interface StepLine {
  /** One word: what is done. */
  readonly label: string;
  readonly text: string;
  readonly ms?: number;
  readonly mood?: 'good' | 'bad';
}

export const labelWidth = 9;

/** Of a command that has a line whose label is this name, so that all of its lines begin below each other. */
export function labelWidthFor(name: string): number {
  return Math.max(labelWidth, name.length + 1);
}

/** Where times end, so that they stand below each other in 80 columns. */
const timeEnd = 60;

/** `test     14 passed                                    0.4 s` */
export function renderStep(line: StepLine, { bold, dim, good, bad }: Style, width = labelWidth): string {
  const { ms, mood } = line;
  const [label, text] = [printable(line.label), printable(line.text)];
  const dress = mood === 'good' ? good : mood === 'bad' ? bad : (plain: string) => plain;
  const time = ms === undefined ? '' : showSeconds(ms);
  const gap = ' '.repeat(Math.max(2, timeEnd - width - widthOf(text) - time.length));
  const start = label.length < width ? label.padEnd(width) : `${label}  `;
  return `${bold(start)}${dress(text)}${time ? gap + dim(time) : ''}`;
}

/** A step whose text is wider than there is room, as several lines; a word that is wider stays whole. */
export function wrapStep(line: StepLine, columns: number): readonly StepLine[] {
  const { ms, ...parts } = line;
  const room = ms === undefined ? columns : columns - showSeconds(ms).length - 2;
  const [first = '', ...rest] = wrap(printable(line.text), room);
  if (rest.length === 0) return [line];
  return [{ ...line, text: first }, ...rest.map((text) => ({ ...parts, label: '', text }))];
}

function wrap(text: string, columns: number): readonly string[] {
  if (widthOf(text) <= columns) return [text];
  const lines: string[] = [];
  for (const word of text.split(/(?<=\S) (?=\S)/)) {
    const last = lines.at(-1);
    if (last !== undefined && widthOf(`${last} ${word}`) <= columns)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** What stands below a step: a release's last lines, a list. */
export function renderBelow(text: string, { dim }: Style, width = labelWidth): string {
  return `${' '.repeat(width)}${dim('│')} ${printable(text)}`;
}

/** Seconds, so that times can be compared at a glance; from two minutes on as `showMs`. */
function showSeconds(ms: number): string {
  if (ms < 95) return `${(Math.max(0, ms) / 1000).toFixed(2)} s`;
  return ms < 100 ? '0.1 s' : showMs(ms);
}
