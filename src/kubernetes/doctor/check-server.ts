import { showMs } from '../../core/duration.ts';
import { UserError } from '../../core/errors.ts';
import type { Finding } from '../../core/target.ts';
import type { Api } from '../api/api.ts';
import type { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { note, orRefusal, unknown } from '../preflight/cluster-parts.ts';

/** The first whose pods can sleep before they stop, and whose policies admit by CEL. */
const oldestMinor = 30;

/** Whether the cluster answers, lets the user in, and is new enough; what else there is to check takes that. */
export async function checkServer(api: Api, signal: AbortSignal): Promise<readonly Finding[]> {
  const { context, server } = api.access;
  try {
    const version = await api.read<{
      readonly major: string;
      readonly minor: string;
      readonly gitVersion: string;
    }>('/version', signal);
    const who = await readUser(api, signal);
    const about = `context ${context}: ${server} answers as Kubernetes ${version.gitVersion}`;
    if (Number(version.major) === 1 && Number.parseInt(version.minor, 10) < oldestMinor) {
      const message = `${about}, and 1.${oldestMinor} is the oldest that will do`;
      return [{ isProblem: true, message, hint: 'upgrade the cluster, or name the context of another' }];
    }
    return [
      note(about),
      note(who === undefined ? 'the cluster lets you in' : `the cluster knows you as ${who}`),
    ];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{ isProblem: true, message: `context ${context}: ${error.message}`, hint: error.hint }];
  }
}

/** Throws what refuses credentials; a cluster that does not tell knows the user all the same. */
async function readUser(api: Api, signal: AbortSignal): Promise<string | undefined> {
  const review: NonNullable<(typeof kinds.selfReview)['type']> = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'SelfSubjectReview',
  };
  const answer = await orRefusal(() => api.create(review, { signal }));
  if (!(answer instanceof ApiRefusal)) return answer.status?.userInfo?.username;
  if (answer.status === 401) throw answer;
  return undefined;
}

/** Beyond that, tokens of a cloud are refused, and times in records and logs mislead. */
const mostSkewMs = 30_000;

/** A warning at most: no lock and no verdict goes by comparing clocks. */
export function checkClock(serverTime: number | undefined, now: number): readonly Finding[] {
  if (serverTime === undefined) return [unknown('the clocks: the server did not tell its time')];
  const ahead = now - serverTime;
  if (Math.abs(ahead) <= mostSkewMs) return [note('this machine and the cluster have the same time of day')];
  const which = ahead > 0 ? 'ahead of' : 'behind';
  return [
    {
      isProblem: false,
      message: `the clock of this machine is ${showMs(Math.abs(ahead))} ${which} the cluster’s`,
      hint: 'timedatectl shows whether this machine keeps it right',
    },
  ];
}
