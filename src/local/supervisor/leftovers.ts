import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { birthOf, isAlive } from '../birth.ts';
import { readIfThere, writeWhole } from '../durable.ts';
import { parseJson } from '../history.ts';

const censusSchema = z.array(z.strictObject({ pid: z.int(), birth: z.string() }));

/** The variable that marks what a supervisor of this state folder started. */
export const markVariable = 'CAUSEWAY_STATE';

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
    writeWhole(this.#path, JSON.stringify(entries));
  }
}

/** Ends what an earlier supervisor of this state folder left running; says how many processes there were. */
export function endLeftovers(censusPath: string, root: string): number {
  const leftovers = listLeftovers(censusPath, root);
  for (const leftover of leftovers) {
    try {
      process.kill(leftover, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
  return leftovers.length;
}

/** Process groups as negative numbers, and processes, as `kill` takes them. */
export function listLeftovers(censusPath: string, root: string): readonly number[] {
  const recorded = censusSchema.safeParse(parseJson(readIfThere(censusPath) ?? ''));
  const groups = recorded.success ? recorded.data.filter(isAlive).map(({ pid }) => -pid) : [];
  return [...groups, ...markedProcesses(root)];
}

/** On Linux a process's environment can be read, so that even one that was not recorded in time is found. */
function markedProcesses(root: string): readonly number[] {
  if (process.platform !== 'linux') return [];
  const mark = `${markVariable}=${root}\0`;
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark);
      } catch {
        return false;
      }
    });
}
