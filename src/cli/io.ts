import { childEnv } from '../core/child-env.ts';
import type { ListStored, OpenEnvironment, PublishAgent } from './open-environment.ts';

export interface Stream {
  write(text: string): void;
  readonly isTerminal: boolean;
  readonly columns: number;
  /** Of the terminal; left out where it does not say. */
  readonly rows?: number | undefined;
}

/** The world as commands see it: what `main.ts` takes from the process, and tests make up. */
export interface Io {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that the command was called in. */
  readonly cwd: string;
  /** The folder of this installation, an absolute path. */
  readonly home: string;
  /** The folder of its docs, an absolute path. */
  readonly docs: string;
  /** Who calls: `user@host`. */
  readonly user: string;
  readonly uid: number;
  /** The runtime that runs this, and replicas: an absolute path that ends in `bun`. */
  readonly runtime: string;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Aborted when the reader of stdout is gone, as in `causeway logs -f | head`. */
  readonly gone: AbortSignal;
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls again and again, until what it returns is called. */
  every(ms: number, callback: () => void): () => void;
  /** Calls when the process leaves, however it leaves, until what it returns is called. */
  atExit(callback: () => void): () => void;
  /** Waits for Enter on a terminal, elsewhere three seconds. Whether Enter was typed. */
  pause(): Promise<boolean>;
  /** Asks on a terminal, and waits for a line; none off a terminal. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
  /** Shows a URL in the user's browser. */
  browse(url: string): void;
  readonly openEnvironment: OpenEnvironment;
  readonly listStored: ListStored;
  readonly publishAgent: PublishAgent;
}

/** How wide a line may be: off a terminal there is no end to it. */
export function columnsOf({ isTerminal, columns }: Stream): number {
  return isTerminal ? columns : Number.POSITIVE_INFINITY;
}

/** The variables that a process started by a command gets; what is meant for this process alone is not among them. */
export function inheritedEnv({ env }: Pick<Io, 'env'>): Record<string, string> {
  const { CAUSEWAY_STARTED_AT: _, CAUSEWAY_COMMAND: __, ...rest } = childEnv(env);
  return Object.fromEntries(
    Object.entries(rest).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}
