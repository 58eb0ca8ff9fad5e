import type { Difference } from '../../core/difference.ts';
import type { Status } from '../../core/environment.ts';
import type { Emit } from '../../core/event.ts';
import { shortId } from '../../core/release.ts';
import type { Outcome } from '../../core/roll-out.ts';
import type { Finding } from '../../core/target.ts';
import { atEnvironment } from '../at-environment.ts';
import type { Chosen } from '../choose-environment.ts';
import type { Cli, Result } from '../cli.ts';
import { Interrupted } from '../interrupted.ts';
import type { Board } from '../terminal/board.ts';
import { tellOn } from './rollout-board.ts';
import { rolloutResult } from './rollout-result.ts';

export interface Followed {
  readonly board: Board;
  /** Where the total time counts from. */
  readonly startedAt: number;
  /** How many stable replicas serve beside the candidate. */
  readonly beside: number;
  /** The release that is wanted, where that is known before. */
  readonly release?: string;
  readonly isRollback?: boolean;
  /** Something was made or put right before it. */
  readonly hasMade?: boolean;
  /** Whether the user's hooks run around it: both of them, or none. */
  readonly hasHooks: boolean;
  /** What is left to do after the hook before it; returns the rollout itself. */
  readonly prepare: () => Promise<Act>;
}

type Act = (emit: Emit) => Promise<Outcome>;

/** A rollout, told on the board, between the user's hooks. */
export async function followRollout(cli: Cli, chosen: Chosen, followed: Followed): Promise<Result> {
  const { io } = cli;
  const { board, startedAt, hasHooks } = followed;
  // Loaded where there are any: what starts processes costs a rollback some milliseconds.
  const hooks = hasHooks ? await import('./run-hook.ts') : undefined;
  const env = hooks?.hookEnv(chosen, followed.release) ?? {};
  await hooks?.runBefore(cli, { ...chosen, env }, board, io.signal);
  const act = await followed.prepare();
  const notes: Finding[] = [];
  const mended: Difference[] = [];
  const outcome = await follow(cli, chosen, followed, (emit) =>
    act((event) => {
      if (event.kind === 'noted') notes.push(...event.notes);
      if (event.kind === 'mended') mended.push(...event.differences);
      emit(event);
    }),
  );
  const release = await releaseOf(chosen, followed, outcome);
  if (outcome.kind === 'unchanged') {
    const hasChanged = followed.hasMade === true || mended.length > 0;
    const text = unchangedText(release, { hasChanged, isLeft: notes.length > 0 });
    board.say({ label: 'release', text });
  }
  if (hooks && outcome.kind !== 'unknown') {
    const told = { ...hooks.hookEnv(chosen, release), CAUSEWAY_VERDICT: verdictOf(outcome) };
    await hooks.runAfter(cli, { ...chosen, env: told }, board, io.signal);
  }
  const status = await statusIfItAnswers(chosen);
  return rolloutResult(cli, {
    name: chosen.name,
    outcome,
    ...(status ? { status } : {}),
    notes,
    mended,
    elapsedMs: io.now() - startedAt,
    isRollback: followed.isRollback === true,
    ...(release ? { release } : {}),
  });
}

/** Ctrl-C ends the watching, and not the rollout, but where the command itself drives it. */
async function follow(
  { io }: Cli,
  { name, environment }: Chosen,
  { board, beside }: Followed,
  act: Act,
): Promise<Outcome> {
  const tell = tellOn(board, beside);
  let begun: string | undefined;
  try {
    return await act((event) => {
      if (event.kind === 'begun') begun = event.rollout.release;
      tell(event);
    });
  } catch (thrown) {
    if (!io.signal.aborted) throw thrown;
    const at = atEnvironment(name);
    const { whenLeft } = environment;
    if (begun && whenLeft !== undefined) {
      throw new Interrupted(
        `the rollout of ${shortId(begun)} is left half-done: ${whenLeft}`,
        `the same command goes on with it, causeway rollback${at} takes it out`,
      );
    }
    if (whenLeft !== undefined) {
      throw new Interrupted('nothing was rolled out; what served still serves', `causeway status${at}`);
    }
    const left = begun
      ? `the rollout of ${shortId(begun)} goes on by itself, and is judged all the same`
      : 'the rollout was asked for, and goes on by itself if it had begun';
    throw new Interrupted(left, `causeway status${at} --watch`);
  }
}

/** What is noted there is left to change. */
function unchangedText(
  release: string | undefined,
  { hasChanged, isLeft }: { readonly hasChanged: boolean; readonly isLeft: boolean },
): string {
  const what = `${release ? `${shortId(release)} ` : ''}serves already`;
  return isLeft ? what : `${what}, nothing ${hasChanged ? 'else ' : ''}to change`;
}

/** Where a rollback changed nothing, the environment knows which release it meant: the one that serves. */
async function releaseOf(
  chosen: Chosen,
  { release }: Followed,
  outcome: Outcome,
): Promise<string | undefined> {
  if (outcome.kind === 'ended') return outcome.record.release;
  if (outcome.kind === 'unknown' || release !== undefined) return release;
  return (await statusIfItAnswers(chosen))?.stable?.release;
}

/** What serves already was found good. */
function verdictOf(outcome: Exclude<Outcome, { kind: 'unknown' }>): 'good' | 'failed' {
  return outcome.kind === 'ended' ? outcome.record.verdict.kind : 'good';
}

/** It is asked in spite of Ctrl-C, but not waited for without end. */
const patienceMs = 10_000;

/** How the rollout ended is known without it, and must not be lost because it does not answer now. */
async function statusIfItAnswers({ environment }: Chosen): Promise<Status | undefined> {
  return environment.status(AbortSignal.timeout(patienceMs)).catch(() => undefined);
}
