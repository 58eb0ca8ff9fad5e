import type { UserError } from '../core/errors.ts';
import type { Interrupted } from './interrupted.ts';
import type { Style } from './style.ts';

/** A failure that the user can mend, in the house's three lines; what it shows stands above them. */
export function showUserError({ code, message, hint, details }: UserError, { bad, dim }: Style): string {
  const shown = details ? `${details.trimEnd()}\n` : '';
  return [
    `${shown}${bad('error:')} ${message}`,
    `  ${dim('hint:')} ${hint}`,
    `  ${dim('help:')} docs/errors.md#${code}`,
    '',
  ].join('\n');
}

export function showInterrupted({ message, next }: Interrupted, { dim }: Style): string {
  return `interrupted: ${message}\n${next ? `  ${dim('next:')} ${next}\n` : ''}`;
}

/** Anything else that was thrown is a fault of Causeway. */
export function showBug(
  thrown: unknown,
  { bad, dim }: Style,
  words: readonly string[],
  version: string,
): string {
  return [
    traceOf(thrown),
    `${bad('error:')} this is a bug of Causeway ${version}, not of what you did`,
    `  ${dim('hint:')} report it with the lines above and the command: causeway ${words.join(' ')}`,
    '',
  ].join('\n');
}

function traceOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `thrown: ${String(thrown)}`;
  const trace = thrown.stack?.includes(thrown.message)
    ? thrown.stack
    : `${thrown.name}: ${thrown.message}\n${thrown.stack ?? ''}`;
  return thrown.cause === undefined
    ? trace.trimEnd()
    : `${trace.trimEnd()}\ncaused by ${traceOf(thrown.cause)}`;
}
