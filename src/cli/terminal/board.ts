import type { Io } from '../io.ts';
import { labelWidth, renderBelow, renderStep, type StepLine, wrapStep } from './step-line.ts';
import { fit, type Style } from './style.ts';

const redrawMs = 100;
/** Off a terminal a step that takes longer than this is announced before it ends. */
const patienceMs = 3_000;
const hideCursor = '\x1b[?25l';
const showCursor = '\x1b[?25h';
const startOfLine = '\r';
const clearRest = '\x1b[K';

interface Current {
  readonly label: string;
  readonly text: string;
  readonly since: number;
  readonly isAnnounced: boolean;
}

/**
 * What is said on the way, on stderr. On a terminal the step under way is a live line; elsewhere each step
 * is one plain line when it ended. Never waits.
 */
export class Board {
  readonly #io: Pick<Io, 'stderr' | 'now'>;
  readonly #style: Style;
  readonly #width: number;
  readonly #stop: () => void;
  readonly #forget: () => void;
  #current: Current | undefined;

  constructor(io: Pick<Io, 'stderr' | 'now' | 'every' | 'atExit'>, style: Style, width = labelWidth) {
    this.#io = io;
    this.#style = style;
    this.#width = width;
    this.#stop = io.every(redrawMs, () => this.#tick());
    this.#forget = io.atExit(() => this.#clear());
  }

  /** A step begins, or says how far it is; one at a time. */
  show(label: string, text: string): void {
    const isSame = this.#current?.label === label;
    if (isSame && this.#current?.text === text) return;
    const since = isSame && this.#current ? this.#current.since : this.#io.now();
    this.#current = { label, text, since, isAnnounced: isSame && this.#current?.isAnnounced === true };
    this.#draw();
  }

  /** The same for what takes long whenever it is done: off a terminal each of these is told as it begins. */
  showLong(label: string, text: string): void {
    this.show(label, text);
    if (!this.#style.isLive) this.#announce(label, text);
  }

  /** The step under way has ended; a step that was never shown has no time. */
  end({ label, text, ms, mood }: StepLine): void {
    const took = ms ?? (this.#current?.label === label ? this.#io.now() - this.#current.since : undefined);
    this.#current = undefined;
    this.say({ label, text, ...(took === undefined ? {} : { ms: took }), ...(mood ? { mood } : {}) });
  }

  /** A line of its own; what is under way stays under way. */
  say(line: StepLine): void {
    const { isLive } = this.#style;
    const columns = isLive ? this.#io.stderr.columns : Number.POSITIVE_INFINITY;
    for (const part of wrapStep(line, columns - this.#width))
      this.#print(renderStep(part, this.#style, this.#width));
  }

  /** Whole, whatever its width: the end of a logged line is what tells most. */
  below(text: string): void {
    this.#print(renderBelow(text, this.#style, this.#width), Number.POSITIVE_INFINITY);
  }

  /** Nothing is under way any more, and the terminal is as it was. */
  close(): void {
    this.#stop();
    this.#clear();
    this.#forget();
  }

  #announce(label: string, text: string): void {
    if (this.#current) this.#current = { ...this.#current, isAnnounced: true };
    this.say({ label, text: `${text} …` });
  }

  #print(line: string, columns = this.#io.stderr.columns): void {
    const { isLive, spell } = this.#style;
    if (!isLive) this.#io.stderr.write(`${spell(line)}\n`);
    else this.#io.stderr.write(`${startOfLine}${spell(fit(line, columns))}${clearRest}\n${this.#live()}`);
  }

  #draw(): void {
    if (this.#style.isLive) this.#io.stderr.write(this.#live());
  }

  #live(): string {
    if (!this.#current) return '';
    const { label, text, since } = this.#current;
    const line = renderStep({ label, text, ms: this.#io.now() - since }, this.#style, this.#width);
    return `${hideCursor}${startOfLine}${this.#style.spell(fit(line, this.#io.stderr.columns - 1))}${clearRest}`;
  }

  #tick(): void {
    if (this.#style.isLive) this.#draw();
    if (this.#style.isLive || !this.#current) return;
    const { since, isAnnounced, label, text } = this.#current;
    if (isAnnounced || this.#io.now() - since < patienceMs) return;
    this.#announce(label, text);
  }

  #clear(): void {
    this.#current = undefined;
    if (this.#style.isLive) this.#io.stderr.write(`${startOfLine}${clearRest}${showCursor}`);
  }
}
