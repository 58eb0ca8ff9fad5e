import { showMs } from '../../core/duration.ts';
import type { Trouble } from '../../core/target.ts';
import {
  conditionOf,
  containerOf,
  containerSpecOf,
  endsOf,
  isReadyPod,
  lastEndOf,
  type Terminated,
} from './pod-status.ts';
import { probeTrouble } from './probe-trouble.ts';
import type { PodLook } from './trouble.ts';
import { conclusive, isRuntimeAway, showTimes, startWords } from './trouble-words.ts';

/**
 * How a replica ended. The first end after it was ready is conclusive, and the second before: the first may be
 * the hiccup of a start. An end that the node made says nothing of the release.
 */
export function endTrouble(look: PodLook): Trouble | undefined {
  const { pod } = look;
  const ends = endsOf(pod);
  const end = lastEndOf(pod);
  if (ends === 0 || !end || isOfNode(end)) return undefined;
  const isConclusive = ends >= 2 || hasEndedWhenReady(look, ends);
  if (!isConclusive && isReadyPod(pod)) return undefined;
  return describeEnd(look, end, ends, isConclusive);
}

function hasEndedWhenReady({ pod, memory }: PodLook, ends: number): boolean {
  const known = memory.endsWhenReady(pod.metadata?.uid ?? '');
  if (known !== undefined) return ends > known;
  // Of a pod that nobody watched: it began unready, so it turned from ready to that later.
  const ready = conditionOf(pod, 'Ready');
  const turnedAt = Date.parse(ready?.lastTransitionTime ?? '');
  return ready?.status === 'False' && turnedAt > Date.parse(pod.status?.startTime ?? '') + 1_000;
}

function isOfNode({ reason, exitCode, message = '' }: Terminated): boolean {
  if (reason === 'StartError' && isRuntimeAway(message)) return true;
  return reason === 'ContainerStatusUnknown' || (reason === 'Unknown' && exitCode === 255);
}

function describeEnd(look: PodLook, end: Terminated, ends: number, isConclusive: boolean): Trouble {
  const { reason, exitCode, message = '' } = end;
  const times = showTimes(ends);
  if (reason === 'StartError' || reason === 'ContainerCannotRun')
    return conclusive('config', startWords(message));
  if (reason === 'OOMKilled' || wasOutOfMemory(look, end)) {
    const limit = containerSpecOf(look.pod)?.resources?.limits?.memory;
    const words = `took more than ${limit ?? 'its limit'}${limit === undefined ? '' : ' of memory'} and was killed${times}`;
    return { cause: 'out-of-memory', message: words, isConclusive };
  }
  const probe = killedBy(look);
  if (probe === 'liveness')
    return {
      cause: 'hung',
      message: `its liveness path did not answer, and it was killed${times}`,
      isConclusive,
    };
  if (probe === 'startup') {
    const { cause = 'never-ready', message: words = 'it was not started in time' } = probeTrouble(look) ?? {};
    return { cause, message: `${words}, and it was killed${times}`, isConclusive };
  }
  const cause = exitCode === 0 ? 'exited' : 'crashed';
  return { cause, message: `${showExit(end)}${ends > 1 ? times : showAge(end)}`, isConclusive };
}

/** The runtime does not always see why a container was killed: one that ran out of memory before did so again. */
function wasOutOfMemory({ pod }: PodLook, { exitCode }: Terminated): boolean {
  return exitCode === 137 && containerOf(pod)?.lastState?.terminated?.reason === 'OOMKilled';
}

function killedBy({ events }: PodLook): string | undefined {
  const killing = events.findLast(({ reason }) => reason === 'Killing');
  return /failed (liveness|startup) probe/.exec(killing?.message ?? '')?.[1];
}

const signals: Readonly<Record<number, string>> = {
  6: 'SIGABRT',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
};

export function showExit({ exitCode, signal }: Terminated): string {
  const name = signals[signal || exitCode - 128];
  return name === undefined ? `exit code ${exitCode}` : `exit code ${exitCode} (${name})`;
}

/** Whole seconds are all that the cluster says. */
function showAge({ startedAt, finishedAt }: Terminated): string {
  const ms = Date.parse(finishedAt ?? '') - Date.parse(startedAt ?? '');
  if (!Number.isFinite(ms)) return '';
  return ms < 1_000 ? ' within a second' : ` after ${showMs(ms)}`;
}
