import type { Status } from './environment.ts';
import { UserError } from './errors.ts';
import { findGood, lastGoodBefore, type RolloutRecord, refuseUntrusted } from './record.ts';
import { type Release, shortId } from './release.ts';
import type { Desired } from './rollout.ts';
import type { Rules } from './step.ts';

export interface ReturnRequest {
  /** The environment's name. */
  readonly environment: string;
  readonly records: readonly RolloutRecord[];
  /** The id of the release that serves. */
  readonly stable: string | undefined;
  /** The start of a release's id. Default: the last good one before the stable one. */
  readonly to: string | undefined;
  /** Where signatures are asked for: the keys that are trusted now. */
  readonly trusted: readonly string[] | undefined;
  /** The stored manifest of a release, while it is kept. */
  readonly read: (id: string) => Promise<Release | undefined>;
}

/** The release that a rollback goes to. Throws where there is none, where it is not kept, or not trusted any more. */
export async function findReturn({
  environment,
  records,
  stable,
  to,
  trusted,
  read,
}: ReturnRequest): Promise<Release> {
  const id =
    to === undefined ? lastGoodBefore(records, stable, environment) : findGood(records, to, environment);
  const release = await read(id);
  if (!release) {
    throw new UserError({
      code: 'release_gone',
      message: `release ${shortId(id)} was good on ${environment}, but its copy was cleared`,
      hint: `check out its revision and run causeway deploy ${environment}`,
    });
  }
  if (trusted && id !== stable) refuseUntrusted(records, id, trusted);
  return release;
}

/** Refuses a release that would start without a secret: of those that it needs, `held` has not all. */
export function refuseWithoutSecrets(
  { id, settings }: Release,
  held: Readonly<Record<string, string>>,
  environment: string,
): void {
  const missing = settings.secrets.filter((name) => !Object.hasOwn(held, name));
  if (missing.length === 0) return;
  throw new UserError({
    code: 'preflight_failed',
    message: `release ${shortId(id)} needs ${missing.join(', ')}, which is not among the environment's secrets now`,
    hint: `name it in the config again, then causeway deploy ${environment}`,
  });
}

/** The release that serves, with what its records say of it. */
export function describeStable(
  { stable }: Pick<Desired, 'stable'>,
  records: readonly RolloutRecord[],
): Pick<Status, 'stable'> {
  const release = stable?.release.id;
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

/** The state of an environment that is there; `because` says why its stable release is not well. */
export function stateOf(
  { stable, rollout }: Pick<Desired, 'stable' | 'rollout'>,
  because: string | undefined,
): Status['state'] {
  if (rollout) return 'rolling-out';
  if (!stable) return 'empty';
  return because === undefined ? 'serving' : 'degraded';
}

/** For what has to be taken out without a command that brings the config's rules. */
export const patientRules: Rules = {
  bakeMs: 0,
  startMs: 60_000,
  commandMs: 600_000,
  unreachableMs: 60_000,
  allowance: { errorShare: 1, slowdown: Number.MAX_SAFE_INTEGER },
};
