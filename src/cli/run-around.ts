import type { Emit } from '../core/event.ts';
import { shortId } from '../core/release.ts';
import type { Outcome } from '../core/roll-out.ts';
import type { Board } from './board.ts';
import type { Chosen } from './choose-environment.ts';
import type { Cli, Result } from './cli.ts';
import { Interrupted } from './interrupted.ts';
import { tellOn } from './rollout-board.ts';
import { rolloutResult } from './rollout-result.ts';
import { runAfter, runBefore } from './run-hook.ts';
import { tellEvidence } from './tell-evidence.ts';

export interface Around {
  readonly board: Board;
  readonly startedAt: number;
  /** How many stable replicas serve beside the candidate. */
  readonly beside: number;
  /** The release that is wanted, where that is known before. */
  readonly release?: string;
  readonly runsBefore: boolean;
  /** The rollout itself. */
  readonly act: (emit: Emit) => Promise<Outcome>;
}

/** A rollout between the user's hooks, told on the board. */
export async function runAround(cli: Cli, chosen: Chosen, around: Around): Promise<Result> {
  const { io } = cli;
  const { name, environment } = chosen;
  const { board, startedAt } = around;
  const env = { CAUSEWAY_ENVIRONMENT: name, ...(around.release ? { CAUSEWAY_RELEASE: around.release } : {}) };
  if (around.runsBefore) await runBefore(cli, { ...chosen, env }, board, io.signal);

  const outcome = await follow(cli, chosen, around);
  const status = await environment.status(io.signal);
  if (outcome.kind === 'unchanged') board.say({ label: 'release', text: unchangedText(around.release) });
  if (outcome.kind === 'ended') {
    const { release, verdict } = outcome.record;
    if (verdict.kind === 'failed') await tellEvidence(board, environment, outcome.record, io.signal);
    const told = { ...env, CAUSEWAY_RELEASE: release, CAUSEWAY_VERDICT: verdict.kind };
    await runAfter(cli, { ...chosen, env: told }, board, io.signal);
  }
  return rolloutResult(cli, {
    outcome,
    status,
    elapsedMs: io.now() - startedAt,
    ...(around.release ? { release: around.release } : {}),
  });
}

/** Ctrl-C ends the watching, and not the rollout, once that has begun. */
async function follow({ io }: Cli, { name }: Chosen, { board, beside, act }: Around): Promise<Outcome> {
  const tell = tellOn(board, beside);
  let begun: string | undefined;
  try {
    return await act((event) => {
      if (event.kind === 'begun') begun = event.rollout.release;
      tell(event);
    });
  } catch (thrown) {
    if (!io.signal.aborted || begun === undefined) throw thrown;
    throw new Interrupted(
      `the rollout of ${shortId(begun)} goes on by itself, and is judged all the same`,
      `causeway status${name === 'local' ? '' : ` ${name}`} --watch`,
    );
  }
}

function unchangedText(release: string | undefined): string {
  return `${release ? `${shortId(release)} ` : ''}serves already, nothing to change`;
}
