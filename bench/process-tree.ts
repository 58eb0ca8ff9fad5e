import { readdirSync, readFileSync } from 'node:fs';

/** How the kernel counts CPU time on every Linux that we know (`getconf CLK_TCK`). */
const ticksPerSecond = 100;

/** A process, its children, and theirs. */
export function treeOf(pid: number): readonly number[] {
  return [pid, ...childrenOf(pid).flatMap(treeOf)];
}

/** Ends a process that we started, with all that it started: at first by a request, in the end by force. */
export async function endTree(child: Bun.Subprocess): Promise<void> {
  const tree = treeOf(child.pid);
  child.kill('SIGTERM');
  const force = setTimeout(() => tree.forEach(kill), 3_000);
  await child.exited;
  clearTimeout(force);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** User and system time of these processes and of those children of theirs that have ended. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + parseCpuSeconds(read(`/proc/${pid}/stat`)), 0);
}

/** In bytes. */
export interface Memory {
  /** A page that processes share is counted in each. */
  readonly resident: number;
  /** Without the pages of files: programs and libraries, which lie in memory once. */
  readonly own: number;
}

export function memoryOf(pids: readonly number[]): Memory {
  const all = pids.map((pid) => parseMemory(read(`/proc/${pid}/status`)));
  const sum = (field: keyof Memory) => all.reduce((bytes, memory) => bytes + memory[field], 0);
  return { resident: sum('resident'), own: sum('own') };
}

/** `/proc/<pid>/stat`: its second field, the name, may hold spaces and brackets. */
export function parseCpuSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks / ticksPerSecond;
}

/** `/proc/<pid>/status` */
export function parseMemory(status: string): Memory {
  const read = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
  return { resident: read('VmRSS'), own: read('RssAnon') };
}

function childrenOf(pid: number): readonly number[] {
  return tasksOf(pid).flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
  );
}

function tasksOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Empty where the process has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
