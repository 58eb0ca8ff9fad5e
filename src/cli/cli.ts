import type { UserError } from '../core/errors.ts';
import type { Io } from './io.ts';
import type { JsonResult } from './json.ts';
import type { Style } from './terminal/style.ts';

export interface GlobalOptions {
  readonly config?: string | undefined;
  readonly context?: string | undefined;
  readonly verbose?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** What every command is given. */
export interface Cli {
  readonly io: Io;
  readonly options: GlobalOptions;
  /** How stdout is dressed. */
  readonly out: Style;
  /** How stderr is dressed. */
  readonly err: Style;
  /** How it was called, for the commands that hints name: `./causeway`. */
  readonly command: string;
  /** The environments it was called for that take signed images alone, once they are known: what it names takes one. */
  readonly signed: Set<string>;
  /** The words after `--`. */
  readonly rest: readonly string[];
}

/** How a command ended, to be printed by `runCli`. Who has lines for people has a document for `--json` as well. */
export type Result = Ended & (Told | Silent);

interface Told {
  /** For people, on stdout. */
  readonly lines: readonly string[];
  /** For `--json`, on stdout. */
  readonly json: JsonResult;
}

/** A command that writes to stdout itself leaves `json` out. */
interface Silent {
  readonly lines?: undefined;
  readonly json?: JsonResult;
}

interface Ended {
  /** What the user may do now, below the lines. */
  readonly next?: readonly string[];
  /** How wide the labels of its lines are, where one is longer than usual. */
  readonly labelWidth?: number;
  /** The failure, on stderr, and beside what `json` holds. */
  readonly error?: UserError;
  /** Default: the error's, or 0. */
  readonly exit?: number;
}

/** What a command's action does; `runCli` gives it the world and prints what it returns. */
export type Run = (work: (cli: Cli) => Promise<Result>) => Promise<void>;
