import { UserError } from '../../../core/errors.ts';
import type { RolloutRecord } from '../../../core/record.ts';
import type { Load } from '../../../load/load.ts';
import type { LoadReport } from '../../../load/report.ts';
import type { Cli } from '../../cli.ts';
import { rolloutResultSchema } from '../../json.ts';
import { rollOutRelease } from '../../rollout/roll-out-release.ts';
import { rollBack } from '../rollback/rollback.ts';
import type { Act } from './acts.ts';
import type { DemoCopy } from './copy.ts';

/** What came of an act, and what its traffic saw. */
export interface Scene {
  readonly act: Act;
  /** How the command ended: its record, or the code of its error. */
  readonly record?: RolloutRecord;
  readonly code?: string;
  /** The release that serves after it. */
  readonly serves?: string;
  readonly ms: number;
  /** From the first request that failed to the end of the command. */
  readonly badForMs?: number;
  readonly requests: number;
  readonly errors: number;
  readonly lost: number;
}

/** After the command ended, so many more requests must have been answered: the stable release serves. */
const requestsAfter = 150;

/** Makes the act's edit, runs its command as a user would, and counts what the traffic saw meanwhile. */
export async function playAct(cli: Cli, act: Act, copy: DemoCopy, load: Load | undefined): Promise<Scene> {
  const { io } = cli;
  if (act.edit) copy.edit(act.edit);
  const before = load?.report();
  const startedAt = io.now();
  const ended = await runCommand(cli, act);
  const endedAt = io.now();
  const wanted = (before?.requests ?? 0) + requestsAfter;
  const after = await load?.until(({ requests }) => requests >= wanted);
  const firstBad = after?.failures.find(({ at }) => at >= startedAt)?.at;
  return {
    act,
    ...ended,
    ms: endedAt - startedAt,
    ...(firstBad === undefined ? {} : { badForMs: endedAt - firstBad }),
    ...countBetween(before, after),
  };
}

async function runCommand(cli: Cli, { command }: Act): Promise<Pick<Scene, 'record' | 'code' | 'serves'>> {
  try {
    const { json } =
      command === 'rollback'
        ? await rollBack(cli, 'local', undefined)
        : await rollOutRelease(cli, { name: 'local', makes: command === 'up', isAgain: false });
    const { record, serves } = rolloutResultSchema.parse(json);
    return { ...(record ? { record } : {}), ...(serves === undefined ? {} : { serves }) };
  } catch (error) {
    if (error instanceof UserError) return { code: error.code };
    throw error;
  }
}

/** A 5xx that a release made is its error; whatever else went wrong is a request that was lost. */
function countBetween(before: LoadReport | undefined, after: LoadReport | undefined) {
  const since = (read: (report: LoadReport) => number) =>
    (after ? read(after) : 0) - (before ? read(before) : 0);
  const errors = since(({ causes }) => causes['other-5xx']);
  return {
    requests: since(({ requests }) => requests),
    errors,
    lost: since(({ failed }) => failed) - errors,
  };
}
