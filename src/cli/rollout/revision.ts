import type { Io } from '../io.ts';
import { inheritedEnv } from '../io.ts';

/** A slow disk or a hanging hook of git must not hold a rollout up. */
const patienceMs = 5_000;

/** What is in the working tree: `main@4be21c0 and 2 changed files`, or `no git`. */
export async function readRevision(folder: string, io: Pick<Io, 'env'>): Promise<string> {
  try {
    const git = Bun.spawn(['git', 'status', '--porcelain=v2', '--branch', '--untracked-files=normal'], {
      cwd: folder,
      env: { ...inheritedEnv(io), GIT_OPTIONAL_LOCKS: '0' },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'ignore',
      timeout: patienceMs,
    });
    const [text, code] = await Promise.all([git.stdout.text(), git.exited]);
    return code === 0 ? describeRevision(text) : 'no git';
  } catch {
    // There is no git on this machine, or it may not be run.
    return 'no git';
  }
}

/** Reads what `git status --porcelain=v2 --branch` prints. */
export function describeRevision(status: string): string {
  const lines = status.split('\n').filter((line) => line !== '');
  const header = (name: string) =>
    lines.find((line) => line.startsWith(`# ${name} `))?.slice(name.length + 3);
  const branch = header('branch.head') ?? '(detached)';
  const commit = header('branch.oid') ?? '(initial)';
  const changed = lines.filter((line) => !line.startsWith('#')).length;
  const name = branch === '(detached)' ? '' : branch;
  const at =
    commit === '(initial)' ? `${name} without a commit` : `${name}${name ? '@' : ''}${commit.slice(0, 7)}`;
  if (changed === 0) return at;
  return `${at} and ${changed} changed ${changed === 1 ? 'file' : 'files'}`;
}
