import type { Status } from '../../core/environment.ts';
import type { RolloutRecord } from '../../core/record.ts';
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
    ...describeStable(options),
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

function stateOf({ stable, rollout }: Desired, because: string | undefined): Status['state'] {
  if (rollout) return 'rolling-out';
  if (!stable) return 'empty';
  return because === undefined ? 'serving' : 'degraded';
}

function describeStable({ desired, records }: DescribeStatusOptions): Pick<Status, 'stable'> {
  const release = desired.stable?.release.id;
  if (release === undefined) return {};
  const mine = records.filter((record) => record.release === release && record.verdict.kind === 'good');
  const revision = mine.findLast((record) => record.revision !== undefined)?.revision;
  const since = mine.at(-1)?.endedAt;
  return {
    stable: {
      release,
      ...(revision === undefined ? {} : { revision }),
      ...(since === undefined ? {} : { since }),
    },
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
