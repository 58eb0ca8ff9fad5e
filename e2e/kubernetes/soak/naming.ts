import type { RolloutRecord } from '../../../src/core/record.ts';
import type { StruckFault } from './faults.ts';
import type { FaultKind } from './plan.ts';
import type { NamedFault, Rolling } from './soak-report.ts';

/** What was told of a round. */
export interface Told {
  /** Of the rollouts that began in it. */
  readonly records: readonly RolloutRecord[];
  /** All that its commands printed. */
  readonly said: string;
}

/** Of a round that there was; nothing was told of another. */
export function toldOf(rolling: Rolling | undefined, records: readonly RolloutRecord[]): Told {
  if (!rolling) return { records: [], said: '' };
  const { from, until, attempts } = rolling;
  return {
    records: records.filter(({ startedAt }) => startedAt >= from && startedAt <= until),
    said: attempts.map(({ said }) => said).join('\n'),
  };
}

export type Naming = 'record' | 'output' | 'nowhere';

/** Where a reader finds what befell the rollout. */
export function whereNamed(fault: StruckFault, { records, said }: Told): Naming {
  const words = wordsFor(fault);
  if (!words) return 'nowhere';
  if (records.some((record) => words.test(JSON.stringify([record.disturbances, record.verdict]))))
    return 'record';
  return words.test(said) ? 'output' : 'nowhere';
}

/**
 * The rollout that has to name it: one that was under way, and not about to begin or end. What a restart of the
 * kubelet, say, costs nobody, no command can know of; nor of etcd's, while the API server goes on by what it holds.
 */
export function whoMustName(fault: StruckFault, { records }: Told): RolloutRecord | undefined {
  const tellMs = noticedMs[fault.kind];
  if (tellMs === undefined) return undefined;
  return records.find(({ startedAt, endedAt, release, verdict }) => {
    const isUnderWay = fault.at > startedAt + beginMs && fault.at + tellMs < endedAt && fault.until < endedAt;
    const isTakenOut =
      verdict.kind === 'failed' && fault.release !== undefined && release.startsWith(fault.release);
    return isUnderWay && !isTakenOut;
  });
}

/** What no record and no output names, and its rollout has to. */
export function checkNaming(faults: readonly NamedFault[]): readonly string[] {
  return faults
    .filter(({ named, mustBe }) => mustBe !== undefined && named === 'nowhere')
    .map(
      ({ kind, round, pod = '', mustBe }) =>
        `round ${round}: rollout ${mustBe} does not name: ${kind} ${pod}`,
    );
}

/** What was there before the first look at it is not missed. */
const beginMs = 1_500;

/** How long it may take until it shows. */
const noticedMs: Partial<Readonly<Record<FaultKind, number>>> = {
  'pod deleted': 2_500,
  'pod deleted at once': 2_500,
  'replica killed': 6_000,
  'API server away': 500,
  'agent deleted': 8_000,
};

function wordsFor({ kind, pod }: StruckFault): RegExp | undefined {
  switch (kind) {
    case 'pod deleted':
    case 'pod deleted at once':
    case 'replica killed':
      return new RegExp(`replica ${pod} |exit code (137|143)|"crashed"`);
    case 'API server away':
    case 'etcd restarted':
      return /no answer|does not answer|did not answer/;
    case 'registry away':
      return /registry|127\.0\.0\.1:525\d/;
    case 'command killed':
      return /went on with it|resume|interrupted|took it over|taken out/;
    case 'agent deleted':
      return /agent was deleted/;
    default:
      return undefined;
  }
}
