import type { Status } from '../core/environment.ts';
import { UserError } from '../core/errors.ts';
import { shortId } from '../core/release.ts';
import type { Outcome } from '../core/roll-out.ts';
import type { Cause } from '../core/verdict.ts';
import type { Cli, Result } from './cli.ts';
import type { RolloutResult } from './json.ts';
import { renderStep } from './step-line.ts';

export interface EndedRollout {
  readonly outcome: Outcome;
  /** The release that was wanted, where that is known before. */
  readonly release?: string;
  /** A rollback was asked for: one that only takes out a rollout under way has done its work. */
  readonly isRollback?: boolean;
  /** What runs now. */
  readonly status: Status;
  readonly elapsedMs: number;
}

/** How `up`, `deploy` and `rollback` end. */
export function rolloutResult({ out }: Pick<Cli, 'out'>, ended: EndedRollout): Result {
  const { outcome, status, elapsedMs } = ended;
  const { environment: name, url, stable } = status;
  const isTakenOut =
    ended.isRollback === true && outcome.kind === 'ended' && outcome.record.kind === 'deploy';
  const release = outcome.kind === 'ended' ? outcome.record.release : ended.release;
  const json: RolloutResult = {
    environment: name,
    ...(url === undefined ? {} : { url }),
    ...(release === undefined ? {} : { release }),
    outcome: isTakenOut ? 'takenOut' : outcome.kind === 'ended' ? outcome.record.verdict.kind : outcome.kind,
    ...(stable ? { serves: stable.release } : {}),
    ...(outcome.kind === 'ended' ? { record: outcome.record } : {}),
    elapsedMs: Math.round(elapsedMs),
  };
  const error = isTakenOut ? undefined : errorOf(ended, release);
  if (error) return { json, error };
  const serves = isTakenOut ? stable?.release : release;
  const text = [url ?? status.state, ...(serves ? [shortId(serves)] : [])].join('   ');
  return { json, lines: [renderStep({ label: name, text, ms: elapsedMs }, out)] };
}

function errorOf({ outcome, status }: EndedRollout, release: string | undefined): UserError | undefined {
  const { environment: name, stable } = status;
  if (outcome.kind === 'unknown') {
    return new UserError({
      code: 'rollout_unknown',
      message: outcome.message,
      hint: `nothing was undone; causeway status ${name} shows when it answers, the same command goes on`,
    });
  }
  if (outcome.kind === 'unchanged' || outcome.record.verdict.kind === 'good' || release === undefined)
    return undefined;
  return new UserError({
    code: 'rollout_failed',
    message: `${endText(outcome.record.verdict.cause, shortId(release))}; ${stableText(stable?.release)}`,
    hint: `causeway logs ${name} --release ${shortId(release)} shows what it printed`,
    exit: stable === undefined ? 'failed' : 'takenBack',
  });
}

function endText(cause: Cause, release: string): string {
  if (cause === 'interrupted') return `the rollout of ${release} was taken out before a verdict`;
  if (cause === 'command' || cause === 'command-unknown') return `release ${release} was not started`;
  if (cause === 'environment') return `release ${release} was taken back, though the environment is at fault`;
  return `release ${release} is bad and was taken back`;
}

function stableText(serves: string | undefined): string {
  return serves === undefined ? 'nothing runs' : `${shortId(serves)} serves as before`;
}
