import type { IPod } from 'kubernetes-models/v1';
import { UserError } from '../core/errors.ts';
import { shortId } from '../core/release.ts';
import type { Running } from '../core/rollout.ts';
import type { Api } from './api/api.ts';
import { kinds } from './api/kinds.ts';
import { exec } from './api/remote-process.ts';
import { labels, namesOf, type Place, releaseLabel, selectorOf } from './manifests/names.ts';
import { containerOf, isReadyPod } from './target/pod-status.ts';
import { openTerminal, type Terminal } from './terminal.ts';

export interface ExecOptions {
  readonly api: Api;
  readonly place: Place;
  readonly running: Running;
  readonly command: readonly string[];
  readonly trace: (line: string) => void;
  readonly signal: AbortSignal;
  /** Instead of this program's own. */
  readonly openTerminal?: () => Terminal;
}

/** Runs a command inside a replica of a release that runs, a ready one if there is one; its exit code. */
export async function execInReplica(options: ExecOptions): Promise<number> {
  const { api, place, running, command, trace, signal } = options;
  const own = { ...selectorOf(place), [labels.release]: releaseLabel(running.release.id) };
  const { items } = await api.list(kinds.pod, { labels: own }, signal);
  const replicas = items.filter(isRunning);
  const name = (replicas.find(isReadyPod) ?? replicas[0])?.metadata?.name;
  if (name === undefined) {
    throw new UserError({
      code: 'one_off_failed',
      message: `no replica of ${shortId(running.release.id)} runs on ${place.environment}`,
      hint: `causeway status ${place.environment} shows why; causeway run ${place.environment} -- ${command.join(' ')} takes a replica of its own`,
    });
  }
  await using streams = (options.openTerminal ?? openTerminal)();
  trace(`exec in ${name}: ${command.join(' ')}`);
  const { container } = namesOf(place);
  const about = { access: api.access, namespace: place.namespace, pod: name, container };
  return await exec({ ...about, command, streams, signal });
}

function isRunning(pod: IPod): boolean {
  return pod.metadata?.deletionTimestamp === undefined && containerOf(pod)?.state?.running !== undefined;
}
