import type { IEvent } from 'kubernetes-models/v1';
import type { Trouble } from '../../core/target.ts';
import type { Cause } from '../../core/verdict.ts';
import { containerSpecOf } from './pod-status.ts';
import type { PodLook } from './trouble.ts';
import { inconclusive, oneLine } from './trouble-words.ts';

/** What the kubelet last heard from a replica that it asked. */
export function probeTrouble({ pod, events }: PodLook): Trouble | undefined {
  const told = events
    .filter(
      ({ reason, message }) => reason === 'Unhealthy' && /^(Startup|Readiness) probe /.test(message ?? ''),
    )
    .toSorted((a, b) => timeOf(a) - timeOf(b))
    .at(-1);
  if (!told) return undefined;
  const said = oneLine(told.message ?? '');
  const container = containerSpecOf(pod);
  const isStartup = said.startsWith('Startup');
  const { path = '/', port = '' } =
    (isStartup ? container?.startupProbe : container?.readinessProbe)?.httpGet ?? {};
  const [, status] = /failed with statuscode: (\d+)/.exec(said) ?? [];
  if (status !== undefined)
    return inconclusive(causeOf(isStartup, path, container), `${path} answered ${status}`);
  if (/connection refused/.test(said))
    return inconclusive('not-listening', `nothing listens on port ${numberOf(port, container)}`);
  if (/deadline exceeded|timeout|Timeout/.test(said))
    return inconclusive('never-ready', `${path} did not answer in time`);
  return inconclusive('never-ready', `${path} gave no answer: ${said.replace(/^.*probe failed: /, '')}`);
}

/** Where the readiness path is the one that is asked at the start, it is the readiness path that fails. */
function causeOf(isStartup: boolean, path: string, container: ReturnType<typeof containerSpecOf>): Cause {
  return isStartup && path !== container?.readinessProbe?.httpGet?.path ? 'declared-path' : 'never-ready';
}

/** A probe may name its port. */
function numberOf(port: string | number, container: ReturnType<typeof containerSpecOf>): string | number {
  return container?.ports?.find(({ name }) => name === port)?.containerPort ?? port;
}

function timeOf({ series, lastTimestamp, eventTime, firstTimestamp }: IEvent): number {
  const told = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp;
  return told ? Date.parse(told) : 0;
}
