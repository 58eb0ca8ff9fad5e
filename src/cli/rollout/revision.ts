import type { Io } from '../io.ts';
import { inheritedEnv } from '../io.ts';

/** A slow disk or a hanging hook of git must not hold a rollout up. */
const patienceMs = 5_000;

export interface Revision {
  /** For people: `main@4be21c0 and 2 changed files`, or `no git`. */
  readonly shown: string;
  /** Whole; none without git, or before the first commit. */
  readonly commit?: string;
  /** Whether the tree differs from it. */
  readonly isChanged: boolean;
}

const noGit: Revision = { shown: 'no git', isChanged: false };

/** What is in the working tree. */
export async function readRevision(folder: string, io: Pick<Io, 'env'>): Promise<Revision> {
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
    return code === 0 ? parseRevision(text) : noGit;
  } catch {
    // There is no git on this machine, or it may not be run.
    return noGit;
  }
}

/** Reads what `git status --porcelain=v2 --branch` prints. */
export function parseRevision(status: string): Revision {
  const lines = status.split('\n').filter((line) => line !== '');
  const header = (name: string) =>
    lines.find((line) => line.startsWith(`# ${name} `))?.slice(name.length + 3);
  const branch = header('branch.head') ?? '(detached)';
  const oid = header('branch.oid') ?? '(initial)';
  const commit = oid === '(initial)' ? undefined : oid;
  const changed = lines.filter((line) => !line.startsWith('#')).length;
  const name = branch === '(detached)' ? '' : branch;
  const at =
    commit === undefined ? `${name} without a commit` : `${name}${name ? '@' : ''}${commit.slice(0, 7)}`;
  const and = changed === 0 ? '' : ` and ${changed} changed ${changed === 1 ? 'file' : 'files'}`;
  return {
    shown: `${at}${and}`,
    ...(commit === undefined ? {} : { commit }),
    isChanged: changed > 0,
  };
}
