import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { birthOf, isAlive } from '../birth.ts';
import { readIfThere, writeWhole } from '../durable.ts';
import { parseJson } from '../json.ts';

const censusSchema = z.array(z.strictObject({ pid: z.int(), birth: z.string() }));

/** The variable that marks what a supervisor of this state folder started. */
export const markVariable = 'CAUSEWAY_STATE';

/** The same for release commands, which outlive a supervisor that is started again. */
export const commandMarkVariable = 'CAUSEWAY_COMMAND_OF';

/** Which processes run for the replicas, on disk, so that the next supervisor can end what this one left. */
export class Census {
  readonly #path: string;
  readonly #births = new Map<number, string>();

  constructor(path: string) {
    this.#path = path;
  }

  note(pid: number, isRunning: boolean): void {
    const birth = isRunning ? birthOf(pid) : undefined;
    if (birth === undefined) this.#births.delete(pid);
    else this.#births.set(pid, birth);
    const entries = [...this.#births].map(([id, at]) => ({ pid: id, birth: at }));
    try {
      writeWhole(this.#path, JSON.stringify(entries));
    } catch {
      // A full disk must not stop what serves; on Linux the mark in its environment finds a process as well.
    }
  }
}

/** How long processes may take to be gone after SIGKILL. */
const goneMs = 2_000;

/** Ends what an earlier supervisor of this state folder left running, and waits for it to be gone; says how many there were. */
export function endLeftovers(censusPath: string, root: string): number {
  const leftovers = listLeftovers(censusPath, root);
  const until = performance.now() + goneMs;
  for (
    let left = leftovers;
    left.length > 0 && performance.now() < until;
    left = listLeftovers(censusPath, root)
  ) {
    left.forEach(endAtOnce);
    Bun.sleepSync(2);
  }
  return leftovers.length;
}

function endAtOnce(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Process groups as negative numbers, and processes, as `kill` takes them. */
export function listLeftovers(censusPath: string, root: string): readonly number[] {
  const recorded = censusSchema.safeParse(parseJson(readCensus(censusPath)));
  const groups = recorded.success ? recorded.data.filter(isAlive).map(({ pid }) => -pid) : [];
  return [...groups, ...markedProcesses(`${markVariable}=${root}\0`)];
}

/** A folder in its place says as little as a census that is damaged. */
function readCensus(path: string): string {
  try {
    return readIfThere(path) ?? '';
  } catch {
    return '';
  }
}

/** Ends what a release command left running, in a session of its own even. */
export function endCommandLeftovers(root: string): void {
  markedProcesses(`${commandMarkVariable}=${root}\0`).forEach(endAtOnce);
}

/** On Linux a process's environment can be read, so that even one that was not recorded in time is found. */
function markedProcesses(mark: string): readonly number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`).includes(mark);
      } catch {
        return false;
      }
    });
}
