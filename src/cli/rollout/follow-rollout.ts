import type { Emit } from '../core/event.ts';
import { shortId } from '../core/release.ts';
import type { Outcome } from '../core/roll-out.ts';
import type { Board } from './board.ts';
import type { Chosen } from './choose-environment.ts';
import type { Cli, Result } from './cli.ts';
import { Interrupted } from './interrupted.ts';
import { tellOn } from './rollout-board.ts';
import { rolloutResult } from './rollout-result.ts';
import { runAfter } from './run-hook.ts';
import { tellEvidence } from './tell-evidence.ts';

export interface Followed {
  readonly board: Board;
  /** Where the total time counts from. */
  readonly startedAt: number;
  /** How many stable replicas serve beside the candidate. */
  readonly beside: number;
  /** The release that is wanted, where that is known before. */
  readonly release?: string;
  readonly isRollback?: boolean;
  /** The rollout itself. */
  readonly act: (emit: Emit) => Promise<Outcome>;
}

/** What is told after a rollout has ended is told in spite of Ctrl-C, but not waited for without end. */
const patienceMs = 10_000;

/** A rollout, told on the board, and the user's hook after it. */
export async function followRollout(cli: Cli, chosen: Chosen, followed: Followed): Promise<Result> {
  const { io } = cli;
  const { environment } = chosen;
  const { board, startedAt } = followed;
  const outcome = await follow(cli, chosen, followed);
  const signal = AbortSignal.timeout(patienceMs);
  const status = await environment.status(signal);
  if (outcome.kind === 'unchanged') board.say({ label: 'release', text: unchangedText(followed.release) });
  if (outcome.kind === 'ended') {
    const { release, verdict } = outcome.record;
    await tellEvidence(board, environment, outcome.record, signal);
    const env = { ...hookEnv(chosen, release), CAUSEWAY_VERDICT: verdict.kind };
    await runAfter(cli, { ...chosen, env }, board, io.signal);
  }
  return rolloutResult(cli, {
    outcome,
    status,
    elapsedMs: io.now() - startedAt,
    isRollback: followed.isRollback === true,
    ...(followed.release ? { release: followed.release } : {}),
  });
}

/** What a hook is told. */
export function hookEnv({ name }: Chosen, release: string | undefined): Readonly<Record<string, string>> {
  return { CAUSEWAY_ENVIRONMENT: name, ...(release ? { CAUSEWAY_RELEASE: release } : {}) };
}

/** Ctrl-C ends the watching, and not the rollout. */
async function follow({ io }: Cli, { name }: Chosen, { board, beside, act }: Followed): Promise<Outcome> {
  const tell = tellOn(board, beside);
  let begun: string | undefined;
  try {
    return await act((event) => {
      if (event.kind === 'begun') begun = event.rollout.release;
      tell(event);
    });
  } catch (thrown) {
    if (!io.signal.aborted) throw thrown;
    const left = begun
      ? `the rollout of ${shortId(begun)} goes on by itself, and is judged all the same`
      : 'the rollout was asked for, and goes on by itself if it had begun';
    throw new Interrupted(left, `causeway status${name === 'local' ? '' : ` ${name}`} --watch`);
  }
}

function unchangedText(release: string | undefined): string {
  return `${release ? `${shortId(release)} ` : ''}serves already, nothing to change`;
}
