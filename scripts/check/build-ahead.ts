import { spawn } from 'node:child_process';

export interface BuildAhead {
  /** Ends it with all that it started, if it has not ended yet. */
  readonly stop: () => void;
}

/**
 * Starts a program that makes what a later tier needs, beside what comes before and out of its way: at the lowest
 * priority. What it says is not shown, nor that it failed: the tier tries the same, and tells.
 */
export function buildAhead(argv: readonly string[], { root }: { readonly root: string }): BuildAhead {
  // A process group of its own, so that a compiler below it ends with it.
  const child = spawn('nice', ['-n', '19', ...argv], { cwd: root, stdio: 'ignore', detached: true });
  let hasEnded = false;
  for (const event of ['error', 'exit']) {
    child.once(event, () => {
      hasEnded = true;
    });
  }
  child.unref();
  return {
    stop() {
      if (hasEnded || child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGTERM');
      } catch {
        // It has ended meanwhile.
      }
    },
  };
}
