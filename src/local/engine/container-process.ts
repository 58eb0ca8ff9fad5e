import { readFileSync } from 'node:fs';
import { birthOf, isAlive, type ProcessIdentity } from '../birth.ts';
import { type Listener, listeners } from '../listening.ts';

/**
 * The first process of a container, where it can be seen from here: an engine that runs in a machine of its own
 * names processes of that.
 */
export function processOf(pid: number | undefined, container: string): ProcessIdentity | undefined {
  if (!pid || process.platform !== 'linux' || !isOf(pid, container)) return undefined;
  const birth = birthOf(pid);
  return birth === undefined ? undefined : { pid, birth };
}

/** Whether it was seen, and is not there any more. */
export function hasLeft(identity: ProcessIdentity | undefined): boolean {
  return identity !== undefined && !isAlive(identity);
}

/**
 * In words, that nothing listens on a port of the container, and on which it listens instead; nothing where
 * something does. Of a process that cannot be seen from here nobody can tell.
 */
export function describeListeners(identity: ProcessIdentity | undefined, port: number): string | undefined {
  const found = identity && listenersOf(identity);
  if (!found) return `nothing answers on PORT (${port} in the container)`;
  const mine = found.filter((listener) => listener.port === port);
  if (mine.some(({ isLoopback }) => !isLoopback)) return undefined;
  if (mine.length > 0) return `port ${port} is open on the container's own loopback alone, and not on HOST`;
  const others = [...new Set(found.map((listener) => listener.port))].sort((a, b) => a - b);
  const where = others.length > 0 ? `; it listens on ${others.join(', ')} instead` : '';
  return `nothing listens on PORT (${port} in the container)${where}`;
}

function listenersOf({ pid }: ProcessIdentity): readonly Listener[] | undefined {
  try {
    return listeners(`/proc/${pid}/net`);
  } catch {
    return undefined;
  }
}

function isOf(pid: number, container: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(container);
  } catch {
    return false;
  }
}
