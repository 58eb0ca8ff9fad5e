import type { Trouble } from '../../core/target.ts';
import type { Cause } from '../../core/verdict.ts';

export function conclusive(cause: Cause, message: string): Trouble {
  return { cause, message, isConclusive: true };
}

export function inconclusive(cause: Cause, message: string): Trouble {
  return { cause, message, isConclusive: false };
}

export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** `, twice` */
export function showTimes(times: number): string {
  if (times < 2) return '';
  return times === 2 ? ', twice' : `, ${times} times`;
}

/**
 * Whether the kubelet lost the container runtime, in gRPC's words: it tries again, and one that was restarted says nothing
 * of what it was to start.
 */
export function isRuntimeAway(message: string): boolean {
  return runtimeAway.test(message);
}

const runtimeAway =
  /code = (Unavailable|DeadlineExceeded|Canceled)|error reading from server|transport is closing|connection error: desc|context (deadline exceeded|canceled)/;

/** What the container runtime said of a container that it could not start. */
export function startWords(message: string): string {
  const said = oneLine(message).replace(/: unknown$/, '');
  const at = said.indexOf('exec: ');
  if (at === -1) return `its container cannot be made: ${said}`;
  const why = said.slice(at + 'exec: '.length);
  const mend = /executable file not found|no such file/.test(why)
    ? '; image.base or service.files must bring it'
    : '';
  return `its command cannot be started: ${why}${mend}`;
}
