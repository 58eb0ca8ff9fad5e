import type { RolloutRecord } from '../../../src/core/record.ts';
import type { Failure, LoadReport } from '../../../src/load/report.ts';
import type { Explained } from './explain.ts';
import type { StruckFault } from './faults.ts';
import type { Naming } from './naming.ts';
import type { Rolled } from './plan.ts';

/** A command of a round, and how it ended. */
export interface Attempt {
  readonly command: string;
  /** Null: it was killed. */
  readonly exitCode: number | null;
  readonly from: number;
  readonly until: number;
  /** All that it printed. */
  readonly said: string;
  /** As `--json` told it. */
  readonly record?: RolloutRecord;
}

export interface Rolling {
  readonly round: number;
  readonly rolled: Rolled;
  readonly from: number;
  readonly until: number;
  readonly attempts: readonly Attempt[];
}

export interface NamedFault extends StruckFault {
  readonly named: Naming;
  /** The rollout that has to name it. */
  readonly mustBe: string | undefined;
}

export interface Loss {
  readonly failure: Failure;
  /** Undefined: nothing explains it. */
  readonly by: Explained | undefined;
}

export interface SoakReport {
  readonly seed: number;
  readonly rounds: readonly Rolling[];
  readonly faults: readonly NamedFault[];
  readonly load: LoadReport;
  readonly losses: readonly Loss[];
  readonly records: readonly RolloutRecord[];
  /** What was not as it is promised; empty in a soak that holds. */
  readonly problems: readonly string[];
}
