import { showMs } from '../../core/duration.ts';
import { printable } from './printable.ts';
import { type Style, widthOf, wrap } from './style.ts';

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
export function renderStep(
  line: StepLine,
  { bold, dim, good, bad }: Style,
  width = labelWidth,
  end = timeEnd,
): string {
  const { ms, mood } = line;
  const [label, text] = [printable(line.label), printable(line.text)];
  const dress = mood === 'good' ? good : mood === 'bad' ? bad : (plain: string) => plain;
  const time = ms === undefined ? '' : showSeconds(ms);
  const gap = ' '.repeat(Math.max(2, end - width - widthOf(text) - time.length));
  const start = label.length < width ? label.padEnd(width) : `${label}  `;
  return `${bold(start)}${dress(text)}${time ? gap + dim(time) : ''}`;
}

export interface Room {
  /** Of the label. */
  readonly width?: number | undefined;
  /** Of the terminal. Default: infinite, as there is none. */
  readonly columns?: number;
}

/** The same in as many lines as its text needs; nothing of it is left out. */
export function renderWrapped(
  line: StepLine,
  style: Style,
  { width = labelWidth, columns = Number.POSITIVE_INFINITY }: Room = {},
): readonly string[] {
  const { ms, ...parts } = line;
  const end = Math.min(timeEnd, columns);
  const forTime = ms === undefined ? 0 : showSeconds(ms).length + 2;
  const [first = '', ...rest] = wrap(printable(line.text), Math.max(narrowest, columns - width - forTime));
  return [
    renderStep({ ...line, text: first }, style, width, end),
    ...rest.map((text) => renderStep({ ...parts, label: '', text }, style, width)),
  ];
}

/** In fewer columns no text can be read; the terminal breaks it then. */
const narrowest = 20;

/** What stands below a step: a release's last lines, a list. */
export function renderBelow(
  text: string,
  { dim }: Pick<Style, 'dim'>,
  { width = labelWidth, columns = Number.POSITIVE_INFINITY }: Room = {},
): readonly string[] {
  const bar = `${' '.repeat(width)}${dim('│')} `;
  const room = Math.max(narrowest, columns - width - 2);
  // So that it is seen where the next one begins.
  const [first, ...rest] = wrap(printable(text), room, room - 2);
  return [bar + first, ...rest.map((part) => `${bar}  ${part}`)];
}

/** Seconds, so that times can be compared at a glance; from two minutes on as `showMs`. */
function showSeconds(ms: number): string {
  if (ms < 95) return `${(Math.max(0, ms) / 1000).toFixed(2)} s`;
  return ms < 100 ? '0.1 s' : showMs(ms);
}
