import type { Stream } from '../io.ts';

/** How text is dressed for one stream. Colour never carries meaning alone. */
export interface Style {
  readonly bold: Dress;
  readonly dim: Dress;
  readonly good: Dress;
  readonly bad: Dress;
  readonly accent: Dress;
  /** Whether lines may be drawn over. */
  readonly isLive: boolean;
  /** Replaces what a terminal that is not set to UTF-8 cannot show, one character by one. */
  readonly spell: Dress;
}
type Dress = (text: string) => string;

export interface StyleOptions {
  readonly stream: Pick<Stream, 'isTerminal'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--no-color` was given. */
  readonly isPlain: boolean;
}

export function makeStyle({ stream, env, isPlain }: StyleOptions): Style {
  const hasColour = !isPlain && wantsColour(stream, env);
  const dress = (code: number): Dress =>
    hasColour ? (text) => `\x1b[${code}m${text}\x1b[0m` : (text) => text;
  return {
    bold: dress(1),
    dim: dress(2),
    good: dress(32),
    bad: dress(31),
    accent: dress(36),
    isLive: stream.isTerminal && !env.CI && env.TERM !== 'dumb',
    spell: isUtf8(env) ? (text) => text : toAscii,
  };
}

/** FORCE_COLOR wins over NO_COLOR, as in Node; see https://no-color.org and https://force-color.org. */
function wantsColour({ isTerminal }: StyleOptions['stream'], env: StyleOptions['env']): boolean {
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  if (env.NO_COLOR) return false;
  return isTerminal && env.TERM !== 'dumb';
}

function isUtf8({ LC_ALL, LC_CTYPE, LANG }: StyleOptions['env']): boolean {
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '');
}

const standIns: Readonly<Record<string, string>> = {
  '●': '*',
  '○': 'o',
  '✓': '+',
  '✗': 'x',
  '→': '>',
  '│': '|',
  '·': '-',
  '–': '-',
  '…': '~',
  '’': "'",
};

function toAscii(text: string): string {
  return text.replace(/[●○✓✗→│·–…’]/g, (character) => standIns[character] ?? '?');
}

const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, 'g');

/** The text without colours and other escapes. */
export function stripEscapes(text: string): string {
  return text.replace(escapes, '');
}

/** How many columns a text takes on a terminal. */
export function widthOf(text: string): number {
  return Bun.stringWidth(text);
}

/** Breaks a text into lines of so many columns, between words where it can; nothing of it is left out. */
export function wrap(text: string, columns: number, ofOthers = columns): readonly string[] {
  if (widthOf(text) <= columns) return [text];
  const lines: string[] = [];
  for (const word of text.split(/(?<=\S) (?=\S)/)) {
    const last = lines.at(-1);
    const room = lines.length > 1 ? ofOthers : columns;
    if (last !== undefined && widthOf(`${last} ${word}`) <= room) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(...breakWord(word, ofOthers));
  }
  return lines;
}

function breakWord(word: string, columns: number): readonly string[] {
  const parts = [''];
  for (const character of word) {
    const last = parts.at(-1) ?? '';
    if (last !== '' && widthOf(last + character) > columns) parts.push(character);
    else parts[parts.length - 1] = last + character;
  }
  return parts;
}

/** Cuts a text to a number of columns. What is cut loses its colours, so that none runs on. */
export function fit(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let cut = '';
  for (const character of stripEscapes(text)) {
    if (widthOf(cut + character) > columns - 1) break;
    cut += character;
  }
  return `${cut}…`;
}
