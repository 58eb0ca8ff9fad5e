import type { UserError } from '../../core/errors.ts';
import type { Interrupted } from '../interrupted.ts';
import { callAs } from './call-as.ts';
import { type DocsPlace, findDocs } from './find-docs.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';

interface Dressing {
  readonly style: Style;
  /** How Causeway was called. */
  readonly command: string;
}

interface ErrorDressing extends Dressing {
  /** Where the pages that it names are. */
  readonly place: DocsPlace;
}

/** A failure that the user can mend, in the house's three lines; what it shows stands above them. */
export function showUserError(
  { code, message, hint, details }: UserError,
  { style: { bad, dim }, command, place }: ErrorDressing,
): string {
  const shown = details ? `${lines(details.trimEnd())}\n` : '';
  return [
    `${shown}${bad('error:')} ${lines(message)}`,
    `  ${dim('hint:')} ${callAs(command, findDocs(place, lines(hint)))}`,
    `  ${dim('help:')} ${findDocs(place, `docs/errors.md#${code}`)}`,
    '',
  ].join('\n');
}

export function showInterrupted(
  { message, next }: Interrupted,
  { style: { dim }, command }: Dressing,
): string {
  return `interrupted: ${lines(message)}\n${next ? `  ${dim('next:')} ${callAs(command, lines(next))}\n` : ''}`;
}

/** Anything else that was thrown is a fault of Causeway. */
export function showBug(
  thrown: unknown,
  { bad, dim }: Style,
  words: readonly string[],
  version: string,
): string {
  return [
    lines(traceOf(thrown)),
    `${bad('error:')} this is a bug of Causeway ${version}, not of what you did`,
    `  ${dim('hint:')} report it with the lines above and the command: causeway ${printable(words.join(' '))}`,
    '',
  ].join('\n');
}

function lines(text: string): string {
  return printable(text, { keepsLines: true });
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
