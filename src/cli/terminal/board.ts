import type { Io } from '../io.ts';
import { labelWidth, renderBelow, renderWrapped, type StepLine } from './step-line.ts';
import { fit, type Style } from './style.ts';

const redrawMs = 100;
/** So many lines at most, so that a low terminal shows all of what is drawn over. */
const mostLive = 6;
/** Off a terminal a step that takes longer than this is announced before it ends. */
const patienceMs = 3_000;
const hideCursor = '\x1b[?25l';
const showCursor = '\x1b[?25h';
const startOfLine = '\r';
const lineAbove = '\x1b[1A';
const clearRest = '\x1b[K';
const clearBelow = '\x1b[J';

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
  /** What goes on at the same time, this one first. */
  #lanes: Board[] = [this];
  /** That whose lines these are drawn with. */
  #whole: Board = this;
  #current: Current | undefined;
  /** How many lines are live. */
  #height = 0;

  constructor(io: Pick<Io, 'stderr' | 'now' | 'every' | 'atExit'>, style: Style, width = labelWidth) {
    this.#io = io;
    this.#style = style;
    this.#width = width;
    this.#stop = io.every(redrawMs, () => this.#tick());
    this.#forget = io.atExit(() => this.#clear());
  }

  /**
   * For what goes on at the same time: its live line stands below, with a time of its own. Close it when that has ended;
   * what it leads from stays open.
   */
  beside(): Board {
    const { stderr, now } = this.#io;
    const lane = new Board(
      { stderr, now: () => now(), every: () => () => {}, atExit: () => () => {} },
      this.#style,
      this.#width,
    );
    lane.#whole = this.#whole;
    this.#whole.#lanes.push(lane);
    return lane;
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
    this.#print(renderWrapped(line, this.#style, this.#room));
  }

  below(text: string): void {
    this.#print(renderBelow(text, this.#style, this.#room));
  }

  /** Enter was typed, and the terminal went to the line below: what is live is drawn over where it stands. */
  entered(): void {
    if (this.#style.isLive) this.#io.stderr.write(lineAbove);
  }

  /** Nothing is under way any more, and the terminal is as it was. */
  close(): void {
    const whole = this.#whole;
    if (whole !== this) {
      whole.#lanes = whole.#lanes.filter((lane) => lane !== this);
      if (this.#style.isLive) this.#io.stderr.write(`${whole.#home()}${clearBelow}${whole.#live()}`);
      return;
    }
    this.#stop();
    this.#clear();
    this.#forget();
  }

  #announce(label: string, text: string): void {
    if (this.#current) this.#current = { ...this.#current, isAnnounced: true };
    this.say({ label, text: `${text} …` });
  }

  /** Off a terminal a line is as long as it is. In the last column some terminals clear what was written there. */
  get #room() {
    const columns = this.#style.isLive ? this.#io.stderr.columns - 1 : Number.POSITIVE_INFINITY;
    return { width: this.#width, columns };
  }

  #print(lines: readonly string[]): void {
    const { isLive, spell } = this.#style;
    if (!isLive) this.#io.stderr.write(lines.map((line) => `${spell(line)}\n`).join(''));
    else {
      const text = lines.map((line) => `${spell(line)}${clearRest}\n`).join('');
      this.#io.stderr.write(`${this.#whole.#home()}${text}${this.#whole.#live()}`);
    }
  }

  /** To where the live line begins. */
  #home(): string {
    const up = this.#height - 1;
    this.#height = 0;
    return up > 0 ? `\x1b[${up}A${startOfLine}${clearBelow}` : startOfLine;
  }

  #draw(): void {
    if (this.#style.isLive) this.#io.stderr.write(this.#whole.#live());
  }

  #live(): string {
    const underWay = this.#lanes.flatMap((lane) => lane.#current ?? []);
    if (underWay.length === 0) return '';
    const { columns } = this.#room;
    // Where it is too narrow to break it, it is cut: what is wider than the terminal cannot be drawn over.
    const lines = underWay
      .flatMap(({ label, text, since }) =>
        renderWrapped({ label, text, ms: this.#io.now() - since }, this.#style, this.#room).slice(
          0,
          Math.floor(mostLive / underWay.length),
        ),
      )
      .map((part) => `${this.#style.spell(fit(part, columns))}${clearRest}`);
    const home = this.#home();
    this.#height = lines.length;
    return `${hideCursor}${home}${lines.join('\n')}`;
  }

  #tick(): void {
    if (this.#style.isLive) this.#draw();
    else for (const lane of this.#lanes) lane.#announceLate();
  }

  #announceLate(): void {
    if (!this.#current) return;
    const { since, isAnnounced, label, text } = this.#current;
    if (isAnnounced || this.#io.now() - since < patienceMs) return;
    this.#announce(label, text);
  }

  #clear(): void {
    this.#current = undefined;
    if (this.#style.isLive) this.#io.stderr.write(`${this.#home()}${clearRest}${showCursor}`);
  }
}
