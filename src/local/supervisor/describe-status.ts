import type { Status } from '../../core/environment.ts';
import type { RolloutRecord } from '../../core/record.ts';
import { describeStable, stateOf } from '../../core/return-to.ts';
import { type Desired, runningKey } from '../../core/rollout.ts';
import { totalOf } from '../../core/traffic.ts';
import type { Replicas } from './replicas.ts';
import type { Tally } from './tally.ts';

export interface DescribeStatusOptions {
  readonly environment: string;
  readonly port: number | undefined;
  readonly desired: Desired;
  readonly replicas: Replicas;
  readonly records: readonly RolloutRecord[];
  /** What went through the front door. */
  readonly total: Tally;
  /** It is being taken down. */
  readonly isLeaving: boolean;
}

/** What runs, as `causeway status` shows it. */
export function describeStatus(options: DescribeStatusOptions): Status {
  const { environment, port, desired, replicas, total, isLeaving } = options;
  const because = isLeaving ? 'it is being taken down' : whyDegraded(desired, replicas);
  return {
    environment,
    target: 'local',
    state: isLeaving ? 'stopped' : stateOf(desired, because),
    ...(port === undefined ? {} : { url: `http://127.0.0.1:${port}` }),
    ...describeStable(desired, options.records),
    ...(desired.rollout ? { rollout: desired.rollout } : {}),
    replicas: desired.replicas,
    running: replicas.all.map((replica) => {
      const { id, release, phase, restarts, trouble } = replica.state();
      const { startedAt } = replica;
      return { id, release, phase, restarts, startedAt, ...(trouble ? { trouble: trouble.message } : {}) };
    }),
    ...(because === undefined ? {} : { because }),
    traffic: totalOf([total.toCount({ source: 'front' })]),
  };
}

/** After the verdict nothing is taken back, but it is said when the stable release is not well. */
function whyDegraded({ stable, rollout, replicas: wanted }: Desired, replicas: Replicas): string | undefined {
  if (!stable || rollout) return undefined;
  const stableKey = runningKey(stable);
  const mine = replicas.states().filter(({ key }) => key === stableKey);
  const ready = mine.filter(({ phase }) => phase === 'ready').length;
  if (ready >= Number(wanted)) return undefined;
  const trouble =
    mine.find((replica) => replica.trouble)?.trouble?.message ?? replicas.lastTrouble(stableKey);
  return `${ready} of ${wanted} replicas ready${trouble ? `: ${trouble}` : ''}`;
}
