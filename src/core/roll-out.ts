import { Disturbances } from './disturbances.ts';
import { UnreachableError, UserError } from './errors.ts';
import type { Emit } from './event.ts';
import { boundEvidence, makeRecord, type RolloutRecord } from './record.ts';
import { shortId } from './release.ts';
import { refuseUnknownCommand, runReleaseCommand } from './release-command.ts';
import {
  type Desired,
  firstSize,
  giveUpReason,
  isSame,
  type Rollout,
  type Running,
  type Surge,
} from './rollout.ts';
import { type End, type RolloutState, type Rules, step, type TakeBack } from './step.ts';
import type { Lock, Target } from './target.ts';
import { totalOf } from './traffic.ts';
import type { Evidence, Verdict } from './verdict.ts';

export interface RolloutRequest {
  readonly kind: Rollout['kind'];
  readonly running: Running;
  readonly by: string;
  readonly revision?: string;
  /** The trusted keys that have signed the image, where that was verified. */
  readonly signedBy?: readonly string[];
  readonly replicas: Desired['replicas'];
  /** Default: `all`. A rollout that is gone on with keeps the one that it began with. */
  readonly surge?: Surge;
  /**
   * Run a release command whose end is not known once more. What already serves is rolled out once more by
   * giving it a new secret set: replicas are told apart by it.
   */
  readonly isAgain?: boolean;
  /** Where the release serves already, set what shall be once more: others may have changed what is there. */
  readonly mends?: boolean;
}

export interface RolloutContext {
  readonly target: Target;
  readonly rules: Rules;
  readonly emit: Emit;
  readonly now: () => number;
  readonly makeId: () => string;
  /** Leaves the rollout as it is, for the next command to go on with. */
  readonly signal: AbortSignal;
  /** Takes the candidate out, as soon as a release command that runs has ended; its reason is recorded. */
  readonly giveUp?: AbortSignal;
}

export type Outcome =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'ended'; readonly record: RolloutRecord }
  | Extract<Verdict, { kind: 'unknown' }>;

/**
 * Moves an environment to a release and judges it on the way. A half-done rollout of the same release is
 * gone on with; one of another release is taken out first, and seen to be gone: never three at once.
 */
export async function rollOut(given: RolloutContext, request: RolloutRequest): Promise<Outcome> {
  const context = withSafeEmit(given);
  const purpose = `${request.kind} ${shortId(request.running.release.id)}`;
  return withLock(context, { by: request.by, purpose }, async (lock, found) => {
    if (!found.rollout) return moveTo(context, lock, found, request);
    if (isHalfDone(found, request)) {
      const desired = { ...found, replicas: request.replicas };
      if (found.replicas !== request.replicas) await context.target.set(desired, lock);
      return goOn(context, lock, desired, { isResumed: true });
    }
    const reason = `given up for ${shortId(request.running.release.id)}`;
    const outcome = await finish(context, lock, found, reason);
    if (outcome.kind === 'unknown') return outcome;
    const settled = await firstSeen(context);
    return 'kind' in settled ? settled : moveTo(context, lock, settled, request);
  });
}

/** Ends a rollout that was left half-done, by taking its candidate out. */
export async function takeOut(
  given: RolloutContext,
  { by, reason }: { by: string; reason: string },
): Promise<Outcome> {
  const context = withSafeEmit(given);
  return withLock(context, { by, purpose: 'take out a half-done rollout' }, async (lock, found) =>
    found.rollout ? finish(context, lock, found, reason) : { kind: 'unchanged' },
  );
}

/** A reader that throws must not stop the code that takes a bad release back. */
function withSafeEmit(context: RolloutContext): RolloutContext {
  return {
    ...context,
    emit(event) {
      try {
        context.emit(event);
      } catch {
        // The reader's own affair.
      }
    },
  };
}

async function withLock(
  context: RolloutContext,
  holder: { readonly by: string; readonly purpose: string },
  work: (lock: Lock, found: Desired) => Promise<Outcome>,
): Promise<Outcome> {
  const lock = await context.target.lock(holder, context.signal);
  const outcome = await firstSeen(context)
    .then((found) => ('kind' in found ? found : work(lock, found)))
    .finally(() => lock.release().catch(() => undefined));
  return outcome;
}

/** What is there, as soon as the environment answers. */
async function firstSeen({
  target,
  rules,
  emit,
  now,
  signal,
}: RolloutContext): Promise<Desired | Extract<Verdict, { kind: 'unknown' }>> {
  let state: RolloutState = { rules };
  for await (const seen of target.observe(signal)) {
    if (seen.kind === 'seen') return seen.desired;
    const next = step(state, seen, now());
    state = next.state;
    for (const event of next.events) emit(event);
    if (next.act.kind === 'leave') return { kind: 'unknown', message: next.act.message };
  }
  throw endedEarly(signal);
}

/** Whether what was found is what is asked for, on its way: a rollback does not go on with a deploy, it takes it out. */
function isHalfDone({ rollout, candidate, stable }: Desired, { kind, running }: RolloutRequest): boolean {
  if (!rollout || (kind === 'rollback' && rollout.kind === 'deploy')) return false;
  if (rollout.judged) return rollout.judged.kind === 'good' && isSame(candidate ?? stable, running);
  return isSame(candidate, running);
}

/** The end of a release command that was begun is looked up first: whether it may run again depends on it. */
async function finish(
  context: RolloutContext,
  lock: Lock,
  desired: Desired,
  reason: string,
): Promise<Outcome> {
  const { rollout, candidate } = desired;
  if (rollout?.command === 'begun' && !rollout.judged && candidate)
    await runReleaseCommand(context, lock, { ...desired, rollout, candidate }, reason);
  return drive(context, lock, { reason });
}

async function moveTo(
  context: RolloutContext,
  lock: Lock,
  found: Desired,
  request: RolloutRequest,
): Promise<Outcome> {
  const { target, signal } = context;
  if (isSame(found.stable, request.running)) {
    const asked = asAsked(found, request);
    tellReplicas(context, found, asked);
    if (asked.replicas !== found.replicas || asked.surge !== found.surge || request.mends)
      await target.set(asked, lock);
    return { kind: 'unchanged' };
  }
  const desired = plan(context, found, request);
  await refuseUnknownCommand(target, request);
  refuseProblems(await target.preflight(desired, signal), context.emit);
  await target.publish(request.running.release, signal);
  await target.set(desired, lock);
  return goOn(context, lock, desired, { isResumed: false });
}

function plan({ now, makeId }: RolloutContext, found: Desired, request: RolloutRequest): Desired {
  const { kind, running, by, revision, signedBy } = request;
  const hasCommand = kind === 'deploy' && running.release.settings.releaseCommand !== undefined;
  return {
    ...asAsked(found, request),
    rollout: {
      id: makeId(),
      kind,
      by,
      startedAt: now(),
      command: 'none',
      release: running.release.id,
      artifact: running.release.artifact,
      ...(running.release.image === undefined ? {} : { image: running.release.image }),
      ...(signedBy === undefined ? {} : { signedBy: [...signedBy] }),
      ...(revision === undefined ? {} : { revision }),
      ...(found.stable ? { replaces: found.stable.release.id } : {}),
    },
    candidate: { ...running, size: hasCommand ? 'none' : firstSize(kind, found.stable) },
  };
}

function asAsked({ surge: _, ...found }: Desired, { replicas, surge = 'all' }: RolloutRequest): Desired {
  return { ...found, replicas, ...(surge === 'all' ? {} : { surge }) };
}

/** Where the release serves already, the config may want another number of it. */
function tellReplicas({ emit }: RolloutContext, found: Desired, asked: Desired): void {
  const [wanted, before] = [asked.replicas, found.replicas];
  if (wanted === before) return;
  emit({
    kind: 'mended',
    differences: [{ object: 'environment', field: 'replicas', wanted, found: before }],
  });
}

/** What is worth knowing keeps no rollout from beginning, and is told. */
function refuseProblems(findings: Awaited<ReturnType<Target['preflight']>>, emit: Emit): void {
  const notes = findings.filter(({ isProblem }) => !isProblem);
  if (notes.length > 0) emit({ kind: 'noted', notes });
  const problem = findings.find(({ isProblem }) => isProblem);
  if (problem)
    throw new UserError({ code: 'preflight_failed', message: problem.message, hint: problem.hint });
}

async function goOn(
  context: RolloutContext,
  lock: Lock,
  desired: Desired,
  { isResumed }: { readonly isResumed: boolean },
): Promise<Outcome> {
  const { rollout, candidate } = desired;
  if (rollout) context.emit({ kind: 'begun', rollout, isResumed });
  if (rollout && candidate?.size === 'none')
    await runReleaseCommand(context, lock, { ...desired, rollout, candidate });
  return drive(context, lock, { isResumed });
}

/** Observe, decide, act: until the judgement is carried out, or the environment no longer answers. */
async function drive(
  context: RolloutContext,
  lock: Lock,
  { reason, isResumed = false }: { readonly reason?: string; readonly isResumed?: boolean },
): Promise<Outcome> {
  const { target, rules, emit, now, signal, giveUp } = context;
  let state: RolloutState = { rules };
  let ending: RolloutRecord | undefined;
  let evidence: Evidence | undefined;
  const disturbances = new Disturbances();
  if (isResumed) disturbances.add(resumed);
  /** Since when what is to be done is not done, though the environment tells how it is. */
  let refusedSince: number | undefined;
  for await (const seen of target.observe(signal)) {
    for (const what of disturbances.see(seen, now())) emit({ kind: 'disturbed', what });
    const next = step({ ...state, giveUp: reason ?? giveUpReason(giveUp) }, seen, now());
    state = next.state;
    // What was told is not told again with each try.
    const told =
      refusedSince === undefined ? next.events : next.events.filter(({ kind }) => kind !== 'judged');
    for (const event of told) emit(event);
    const { act } = next;
    if (act.kind === 'leave') {
      // Its end was stored, though the word of that was lost.
      const hasEnded = seen.kind === 'seen' && ending && seen.desired.rollout?.id !== ending.id;
      return hasEnded && ending ? end(context, ending) : { kind: 'unknown', message: act.message };
    }
    try {
      if (act.kind === 'set') await target.set(act.desired, lock);
      if (act.kind === 'takeBack') {
        evidence ??= await findEvidence(context, act);
        await target.set(judgedWith(act, evidence), lock);
      }
      if (act.kind === 'end') {
        ending ??= recordOf(context, act, disturbances.all);
        await close(context, lock, act, ending);
        return end(context, ending);
      }
      if (act.kind !== 'wait') refusedSince = undefined;
    } catch (error) {
      // What was not done is decided again from what is seen next.
      if (!(error instanceof UnreachableError)) throw error;
      refusedSince ??= now();
      if (now() - refusedSince >= rules.unreachableMs) return { kind: 'unknown', message: error.message };
    }
  }
  throw endedEarly(signal);
}

/** Its `begun` event says the same. */
const resumed = 'whoever drove it was gone, and another went on with it';

/** What was seen of the candidate is kept before it is taken out; that it cannot be had keeps nothing from going. */
async function findEvidence({ target, emit, signal }: RolloutContext, act: TakeBack): Promise<Evidence> {
  const { judgement, candidate } = act;
  const found =
    judgement.evidence ??
    (await target.evidence(candidate, signal).catch((error: unknown): Evidence => {
      signal.throwIfAborted();
      return { lines: [`no evidence could be had: ${error}`] };
    }));
  const evidence = boundEvidence(found);
  const isTold = judgement.cause !== 'interrupted' && judgement.cause !== 'environment';
  if (isTold) emit({ kind: 'evidence', evidence });
  return evidence;
}

function judgedWith({ rollout, judgement, desired }: TakeBack, evidence: Evidence): Desired {
  return { ...desired, rollout: { ...rollout, judged: { ...judgement, evidence } } };
}

function end({ emit }: RolloutContext, record: RolloutRecord): Outcome {
  emit({ kind: 'ended', record });
  return { kind: 'ended', record };
}

function recordOf(
  { now }: RolloutContext,
  { rollout, judgement, seen }: End,
  disturbances: readonly string[],
): RolloutRecord {
  const { id, kind, release, artifact, image, signedBy, replaces, by, revision, startedAt } = rollout;
  return makeRecord({
    id,
    kind,
    release,
    artifact,
    ...(image === undefined ? {} : { image }),
    ...(signedBy === undefined ? {} : { signedBy }),
    ...(replaces === undefined ? {} : { replaces }),
    by,
    ...(revision === undefined ? {} : { revision }),
    startedAt,
    endedAt: now(),
    verdict: judgement,
    traffic: totalOf(seen.traffic),
    ...(disturbances.length === 0 ? {} : { disturbances: [...disturbances] }),
  });
}

/** The record first, then the rollout's end: a crash between them writes the same record again, which is once. */
async function close(
  { target }: RolloutContext,
  lock: Lock,
  { seen }: End,
  record: RolloutRecord,
): Promise<void> {
  await target.history.append(record);
  const { rollout: _, ...desired } = seen.desired;
  await target.set(desired, lock);
}

function endedEarly(signal: AbortSignal): unknown {
  return signal.reason ?? new Error('the target ended its observations');
}
