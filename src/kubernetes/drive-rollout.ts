import { rulesOf } from '../core/config.ts';
import { UnreachableError, UserError } from '../core/errors.ts';
import type { Emit } from '../core/event.ts';
import { type Outcome, type RolloutContext, takeOut } from '../core/roll-out.ts';
import { wordsOf } from '../core/words-of.ts';
import { openAgent } from './agent/open-agent.ts';
import type { Api } from './api/api.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { Place } from './manifests/names.ts';
import type { Store } from './store/store.ts';
import type { StoredRelease } from './store/stored-release.ts';
import { openTarget } from './target/open-target.ts';

export interface DriveOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: ClusterConfig;
  readonly store: Store;
  readonly by: string;
  /** Its reference, by digest; none could be published. */
  readonly agentImage: string | undefined;
  /** The release to roll out as it is rendered now; a release that ran there before is what was stored then. */
  readonly rendered?: StoredRelease;
  /** Told whether an agent watches the rollout. */
  readonly sayAgent: (isThere: boolean) => void;
  readonly emit: Emit;
  readonly trace: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Drives a rollout from here. */
export async function driveRollout(
  { by, agentImage, sayAgent, emit, signal, ...about }: DriveOptions,
  work: (context: RolloutContext) => Promise<Outcome>,
): Promise<Outcome> {
  const { config } = about;
  const agent = agentImage === undefined ? undefined : openAgent({ ...about, image: agentImage });
  const target = openTarget({
    ...about,
    isMade: true,
    ...(agent ? { agent } : {}),
    ...(agentImage === undefined ? {} : { agentImage }),
  });
  let isSaid = false;
  const context: RolloutContext = {
    target,
    rules: rulesOf(config),
    emit: (event) => {
      sayAgent(agent?.hasReported === true);
      const because = agent ? agent.cannotRun : 'it has no image there';
      if (event.kind === 'starting' && because !== undefined && !isSaid) {
        isSaid = true;
        emit({ kind: 'unattended', because });
      }
      emit(event);
    },
    now: Date.now,
    makeId: makeRolloutId,
    signal,
    giveUp: target.giveUp,
  };
  try {
    return await work(context).catch(async (error: unknown) => {
      await clearAfter(error, context, { by, trace: about.trace });
      throw error;
    });
  } finally {
    target.close();
  }
}

/** A rollout that cannot go on, for want of a right say, must not leave its candidate unwatched under traffic. */
async function clearAfter(
  error: unknown,
  context: RolloutContext,
  { by, trace }: Pick<DriveOptions, 'by' | 'trace'>,
): Promise<void> {
  const isOthers = error instanceof UserError && others.has(error.code);
  if (context.signal.aborted || error instanceof UnreachableError || isOthers) return;
  const reason = `it could not go on: ${wordsOf(error)}`;
  await takeOut(context, { by, reason }).catch((failed: unknown) => {
    trace(`the candidate could not be taken out: ${wordsOf(failed)}`);
  });
}

/** Then the rollout is another command's, or was never begun. */
const others: ReadonlySet<string> = new Set([
  'lock_lost',
  'rollout_running',
  'preflight_failed',
  'command_unknown',
  'environment_missing',
  'state_corrupt',
  'namespace_taken',
]);

/** Sorts by time, two of one millisecond are told apart, and objects are named by it. */
function makeRolloutId(): string {
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return `${Date.now().toString(36)}-${(random >>> 8).toString(36).padStart(5, '0')}`;
}
