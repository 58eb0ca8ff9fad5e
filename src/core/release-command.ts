import { UserError } from './errors.ts';
import { boundEvidence } from './record.ts';
import { shortId } from './release.ts';
import type { RolloutContext, RolloutRequest } from './roll-out.ts';
import { type Candidate, type Desired, firstSize, giveUpReason, type Rollout } from './rollout.ts';
import type { Exit, Lock, Target } from './target.ts';
import { failed, type Judgement } from './verdict.ts';

/** The release's one-off command, before any replica of it. It is begun once, and looked up if that was before. */
export async function runReleaseCommand(
  { target, rules, emit, signal, giveUp }: RolloutContext,
  lock: Lock,
  desired: Desired & { readonly rollout: Rollout; readonly candidate: Candidate },
  reason?: string,
): Promise<void> {
  const { rollout, candidate, stable } = desired;
  const command = candidate.release.settings.releaseCommand ?? [];
  const isBegun = rollout.command === 'begun';
  if (!isBegun) await target.set({ ...desired, rollout: { ...rollout, command: 'begun' } }, lock);
  emit({ kind: 'command', state: 'begun', command });
  const exit = await target.run(
    { id: rollout.id, running: candidate, command, isBegun, timeoutMs: rules.commandMs },
    signal,
  );
  const isDone = exit.kind === 'succeeded';
  if (isDone) emit({ kind: 'command', state: 'done', command });
  const ended: Rollout = { ...rollout, command: isDone ? 'done' : 'begun' };
  const judged = judgeCommand(exit, command) ?? interruptedBy(reason ?? giveUpReason(giveUp));
  if (judged) {
    emit({ kind: 'judged', judgement: judged });
    await target.set({ ...desired, rollout: { ...ended, judged } }, lock);
    return;
  }
  const size = firstSize(rollout.kind, stable);
  await target.set({ ...desired, rollout: ended, candidate: { ...candidate, size } }, lock);
}

function interruptedBy(reason: string | undefined): Judgement | undefined {
  return reason === undefined ? undefined : failed('interrupted', reason);
}

function judgeCommand(exit: Exit, command: readonly string[]): Judgement | undefined {
  const words = command.join(' ');
  if (exit.kind === 'unknown') return failed('command-unknown', `the end of ${words} is not known`);
  if (exit.kind === 'succeeded') return undefined;
  const evidence = boundEvidence(exit.evidence);
  return { ...failed('command', `${words} ended with ${evidence.exit ?? 'an error'}`), evidence };
}

/** A command that may have run whole, in part or not at all is not run once more unasked. */
export async function refuseUnknownCommand(
  target: Target,
  { kind, running, isAgain }: RolloutRequest,
): Promise<void> {
  const { id, settings } = running.release;
  if (kind === 'rollback' || !settings.releaseCommand || isAgain) return;
  const last = (await target.history.list()).findLast(({ release }) => release === id);
  if (last?.verdict.kind !== 'failed' || last.verdict.cause !== 'command-unknown') return;
  throw new UserError({
    code: 'command_unknown',
    message: `the release command of ${shortId(id)} was begun, and its end is not known: ${settings.releaseCommand.join(' ')}`,
    hint: 'see whether it did its work, then add --again to run it once more',
  });
}
