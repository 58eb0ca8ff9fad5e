import { readFileSync } from 'node:fs';

/**
 * When a process was born, or nothing if it does not run. A pid with its birth names one process for ever:
 * a pid alone is given to others in time.
 */
export function birthOf(pid: number): string | undefined {
  return process.platform === 'linux' ? birthOnLinux(pid) : birthByPs(pid);
}

export interface ProcessIdentity {
  readonly pid: number;
  readonly birth: string;
}

export function isAlive({ pid, birth }: ProcessIdentity): boolean {
  return birthOf(pid) === birth;
}

/** The boot's id and the start in clock ticks after it (proc(5), field 22). */
function birthOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ended = state === 'Z' || state === 'X';
    return ended
      ? undefined
      : `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${rest[18]}`;
  } catch {
    return undefined;
  }
}

function birthByPs(pid: number): string | undefined {
  const { stdout } = Bun.spawnSync(['ps', '-o', 'lstart=', '-p', String(pid)]);
  return stdout.toString().trim() || undefined;
}
