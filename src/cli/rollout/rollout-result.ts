import type { Difference } from '../../core/difference.ts';
import type { Status } from '../../core/environment.ts';
import { UserError } from '../../core/errors.ts';
import type { RolloutRecord } from '../../core/record.ts';
import { shortId } from '../../core/release.ts';
import type { Outcome } from '../../core/roll-out.ts';
import type { Finding } from '../../core/target.ts';
import type { Cause } from '../../core/verdict.ts';
import { atEnvironment } from '../at-environment.ts';
import type { Cli, Result } from '../cli.ts';
import { toDifferenceJson } from '../difference.ts';
import type { RolloutResult } from '../json.ts';
import { labelWidthFor, renderStep } from '../terminal/step-line.ts';

export interface EndedRollout {
  /** The environment. */
  readonly name: string;
  readonly outcome: Outcome;
  /** The release that was wanted, where that is known before. */
  readonly release?: string;
  /** A rollback was asked for: one that only takes out a rollout under way has done its work. */
  readonly isRollback?: boolean;
  /** What runs now, if it answers. */
  readonly status?: Status;
  /** What was found before it began and kept it from nothing. */
  readonly notes?: readonly Finding[];
  /** What differed from release or config, and was put right. */
  readonly mended?: readonly Difference[];
  readonly elapsedMs: number;
}

/** How `up`, `deploy` and `rollback` end. */
export function rolloutResult({ out }: Pick<Cli, 'out'>, ended: EndedRollout): Result {
  const { name, outcome, status, notes = [], mended = [], elapsedMs } = ended;
  const url = status?.url;
  const serves = servesAfter(ended);
  const isTakenOut =
    ended.isRollback === true && outcome.kind === 'ended' && outcome.record.kind === 'deploy';
  const release = outcome.kind === 'ended' ? outcome.record.release : ended.release;
  const json: RolloutResult = {
    environment: name,
    ...(url === undefined ? {} : { url }),
    ...(release === undefined ? {} : { release }),
    outcome: isTakenOut ? 'takenOut' : outcome.kind === 'ended' ? outcome.record.verdict.kind : outcome.kind,
    ...(serves === undefined ? {} : { serves }),
    ...(outcome.kind === 'ended' ? { record: outcome.record } : {}),
    ...(notes.length === 0 ? {} : { notes: notes.map(({ message, hint }) => ({ message, hint })) }),
    ...(mended.length === 0 ? {} : { mended: mended.map(toDifferenceJson) }),
    elapsedMs: Math.round(elapsedMs),
  };
  const error = isTakenOut ? undefined : errorOf(ended, release, serves);
  if (error) return { json, error };
  const none = outcome.kind === 'unchanged' ? 'unchanged' : 'nothing runs';
  const text = [...(url ? [url] : []), serves ? shortId(serves) : none].join('   ');
  const labelWidth = labelWidthFor(name);
  const lines = [renderStep({ label: name, text, ms: elapsedMs }, out, labelWidth)];
  return {
    json,
    lines,
    labelWidth,
    ...(outcome.kind === 'ended' ? { next: nextAfterRollback(name, outcome.record) } : {}),
  };
}

/** Back to the release that was left: a plain rollback would walk further back. */
function nextAfterRollback(name: string, { kind, replaces, verdict }: RolloutRecord): readonly string[] {
  if (kind !== 'rollback' || verdict.kind !== 'good') return [];
  const at = atEnvironment(name);
  const forward = replaces ? [`forward again: causeway rollback${at} --to ${shortId(replaces)}`] : [];
  return [...forward, `causeway releases${at}`];
}

/**
 * The release that serves now: what was there before a rollout that failed may have gone meanwhile, and that is the
 * environment's to say. Where it does not answer, how the rollout ended says it.
 */
function servesAfter({ outcome, release, status }: EndedRollout): string | undefined {
  if (outcome.kind === 'unchanged') return release ?? status?.stable?.release;
  if (outcome.kind === 'unknown') return status?.stable?.release;
  const { record } = outcome;
  if (record.verdict.kind === 'good') return record.release;
  return status ? servingIn(status) : record.replaces;
}

function servingIn({ stable, running }: Status): string | undefined {
  const isServing = running.some(({ release, phase }) => release === stable?.release && phase === 'ready');
  return isServing ? stable?.release : undefined;
}

function errorOf(
  { name, outcome, status }: EndedRollout,
  release: string | undefined,
  serves: string | undefined,
): UserError | undefined {
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
    message: `${endText(outcome.record.verdict.cause, shortId(release))}; ${stableText(serves, name, status)}`,
    hint: `causeway logs ${name} --release ${shortId(release)} shows what it printed`,
    exit: serves === undefined ? 'failed' : 'takenBack',
  });
}

function endText(cause: Cause, release: string): string {
  if (cause === 'interrupted') return `the rollout of ${release} was taken out before a verdict`;
  if (cause === 'command' || cause === 'command-unknown') return `release ${release} was not started`;
  if (cause === 'environment') return `release ${release} was taken back, though the environment is at fault`;
  if (cause === 'image') return `the image of ${release} cannot be had, and the release was taken back`;
  if (cause === 'refused') return `release ${release} was refused by the cluster and was taken back`;
  if (cause === 'unschedulable') return `release ${release} found no room and was taken back`;
  return `release ${release} is bad and was taken back`;
}

function stableText(serves: string | undefined, name: string, status: Status | undefined): string {
  const { state, stable, because } = status ?? {};
  if (serves !== undefined) {
    return `${shortId(serves)} serves ${state === 'degraded' ? `on, but not well: ${because}` : 'as before'}`;
  }
  if (state === 'absent') return `nothing runs: ${name} was taken down`;
  if (state === 'stopped') return `nothing runs: ${because}`;
  if (stable)
    return `${shortId(stable.release)}, which served, is not well: ${because ?? 'no replica is ready'}`;
  return 'nothing runs';
}
