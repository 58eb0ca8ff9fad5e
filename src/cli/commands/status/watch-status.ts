import type { Environment, Status } from '../../../core/environment.ts';
import { exitCodes } from '../../../core/errors.ts';
import type { Cli, Result } from '../../cli.ts';
import { toJsonLine } from '../../json-line.ts';
import { count } from '../../terminal/count.ts';
import { fit } from '../../terminal/style.ts';
import { showStatus, statusLine } from './show-status.ts';

const redrawMs = 1_000;

/** Shows the status until Ctrl-C: in place on a terminal, else a line for each change. */
export async function watchStatus(cli: Cli, environment: Environment): Promise<Result> {
  const { io } = cli;
  const screen = cli.out.isLive && !cli.options.json ? new Screen(cli) : undefined;
  const stop = screen ? io.every(redrawMs, () => screen.draw()) : () => {};
  const forget = io.atExit(() => screen?.close());
  const signal = AbortSignal.any([io.signal, io.gone]);
  let last: string | undefined;
  try {
    for await (const status of environment.watch(signal)) {
      if (screen) screen.draw(status);
      else last = writeLine(cli, status, last);
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  } finally {
    stop();
    screen?.close();
    forget();
  }
  return { exit: io.signal.aborted ? exitCodes.interrupted : exitCodes.done };
}

/** What a line does not show changes silently. */
function writeLine({ io, options, out }: Cli, status: Status, last: string | undefined): string {
  const line = options.json ? toJsonLine(status) : out.spell(statusLine(status));
  if (line !== last) io.stdout.write(options.json ? `${line}\n` : `${timeOfDay(io.now())}  ${line}\n`);
  return line;
}

function timeOfDay(now: number): string {
  return new Date(now).toTimeString().slice(0, 8);
}

/** What has left the top of a terminal cannot be drawn over; the cursor takes the last line. */
function cutTo(lines: readonly string[], rows = Number.POSITIVE_INFINITY): readonly string[] {
  const most = Math.max(2, rows - 1);
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most - 1), `… ${count(lines.length - most + 1, 'more line')}`];
}

/** The lines that were drawn last are drawn over, in one write. */
class Screen {
  readonly #cli: Cli;
  #status: Status | undefined;
  #height = 0;

  constructor(cli: Cli) {
    this.#cli = cli;
  }

  draw(status = this.#status): void {
    if (!status) return;
    this.#status = status;
    const { io, out } = this.#cli;
    const { columns, rows } = io.stdout;
    const lines = cutTo(showStatus(status, { style: out, now: io.now(), columns: columns - 1 }), rows);
    const up = this.#height > 0 ? `\x1b[${this.#height}A` : '\x1b[?25l';
    const text = lines.map((line) => `${out.spell(fit(line, columns - 1))}\x1b[K\n`).join('');
    io.stdout.write(`${up}\r${text}\x1b[J`);
    this.#height = lines.length;
  }

  close(): void {
    // The terminal has echoed ^C there.
    if (this.#height > 0) this.#cli.io.stdout.write('\r\x1b[K\x1b[?25h');
    this.#height = 0;
    this.#status = undefined;
  }
}
