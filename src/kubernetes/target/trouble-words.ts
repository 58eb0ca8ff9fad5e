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

/** What the container runtime said of a container that it could not start. */
export function startWords(message: string): string {
  const said = oneLine(message).replace(/: unknown$/, '');
  const at = said.indexOf('exec: ');
  return at === -1
    ? `its container cannot be made: ${said}`
    : `its command cannot be started: ${said.slice(at + 'exec: '.length)}`;
}
