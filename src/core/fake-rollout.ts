import type { RolloutEvent } from './event.ts';
import { type Crash, type FakeTarget, fakeRelease } from './fake-target.ts';
import { type Outcome, type RolloutContext, type RolloutRequest, rollOut, takeOut } from './roll-out.ts';
import type { Running } from './rollout.ts';
import type { Rules } from './step.ts';

export interface FakeRolloutOptions extends Partial<Omit<RolloutRequest, 'running'>> {
  readonly rules?: Partial<Rules>;
  readonly crash?: Crash;
  readonly giveUp?: AbortSignal;
  readonly signal?: AbortSignal;
  readonly secretSet?: string;
  /** Has a release command. */
  readonly hasCommand?: boolean;
  readonly onEvent?: (event: RolloutEvent) => void;
}

export const fakeRules: Rules = {
  bakeMs: 2_000,
  startMs: 5_000,
  commandMs: 60_000,
  unreachableMs: 20_000,
  allowance: { errorShare: 0.02, slowdown: 1.5 },
};

/** Rolls the release of this name out, driven by a process of its own. */
export function deploy(target: FakeTarget, name: string, options: FakeRolloutOptions = {}): Promise<Outcome> {
  const { kind = 'deploy', by = 'ada', replicas = target.desired.replicas } = options;
  const { surge, revision, isAgain, mends } = options;
  return rollOut(contextOf(target, options), {
    kind,
    by,
    replicas,
    running: fakeRunning(name, options),
    ...(surge === undefined ? {} : { surge }),
    ...(revision === undefined ? {} : { revision }),
    ...(isAgain === undefined ? {} : { isAgain }),
    ...(mends === undefined ? {} : { mends }),
  });
}

export function rollBack(
  target: FakeTarget,
  name: string,
  options: FakeRolloutOptions = {},
): Promise<Outcome> {
  return deploy(target, name, { kind: 'rollback', ...options });
}

export function clearAway(target: FakeTarget, options: FakeRolloutOptions = {}): Promise<Outcome> {
  return takeOut(contextOf(target, options), { by: 'ada', reason: 'cleared away' });
}

export function fakeRunning(
  name: string,
  { secretSet, hasCommand = false }: Pick<FakeRolloutOptions, 'secretSet' | 'hasCommand'> = {},
): Running {
  const release = fakeRelease(name, hasCommand ? { releaseCommand: ['migrate'] } : {});
  return { release, ...(secretSet === undefined ? {} : { secretSet }) };
}

/** How a rollout ended, in one word. */
export function endOf(outcome: Outcome): string {
  if (outcome.kind !== 'ended') return outcome.kind;
  const { verdict } = outcome.record;
  return verdict.kind === 'good' ? 'good' : verdict.cause;
}

function contextOf(target: FakeTarget, options: FakeRolloutOptions): RolloutContext {
  const { rules, crash, giveUp, signal = new AbortController().signal, onEvent } = options;
  return {
    target: target.driver(crash),
    rules: { ...fakeRules, ...rules },
    emit: (event) => onEvent?.(event),
    now: () => target.now,
    makeId: () => `rollout-${target.rollouts.size + 1}`,
    signal,
    ...(giveUp === undefined ? {} : { giveUp }),
  };
}
