import { type Duration, toMs } from '../../core/duration.ts';
import { UserError } from '../../core/errors.ts';

/** Reads a flag's value as a whole number above 0. */
export function wholeNumber(flag: string): (text: string) => number {
  return (text) => {
    if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
    throw wrongValue(flag, text, 'a whole number above 0');
  };
}

/** Reads one of a few words. */
export function oneOf<Word extends string>(flag: string, words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw wrongValue(flag, text, words.join(' or '));
  };
}

/** Reads a moment: `5m` ago, or a date such as `2026-07-01T09:30:00Z`; milliseconds since 1970. */
export function moment(
  flag: string,
  text: string,
  now: number,
): { readonly since: number; readonly isSpan: boolean } {
  const span = /^\d+(\.\d+)?[a-z]+$/.test(text) ? toMs(text as Duration) : Number.NaN;
  if (!Number.isNaN(span)) return { since: now - span, isSpan: true };
  const date = isDay(text.slice(0, 10)) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(date)) return { since: date, isSpan: false };
  throw wrongValue(flag, text, "a span such as '5m' or a date such as '2026-07-01T09:30:00Z'");
}

/** `Date.parse` takes the 30th of February for the 2nd of March. */
function isDay(text: string): boolean {
  const date = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(text) : undefined;
  return date !== undefined && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

/** Reads a span: `90m`; in milliseconds. */
export function span(flag: string, text: string): number {
  const ms = /^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text) ? toMs(text as Duration) : 0;
  if (ms > 0) return ms;
  throw wrongValue(flag, text, "a span such as '4h'");
}

/** Reads a mail address, as far as its form goes. */
export function mailAddress(flag: string, text: string): string {
  if (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text)) return text;
  throw wrongValue(flag, text, "a mail address such as 'ops@example.com'");
}

function wrongValue(flag: string, text: string, wanted: string): UserError {
  return new UserError({
    code: 'usage_wrong',
    message: `${flag} ${text || "''"} is not ${wanted}`,
    hint: `write ${wanted} after ${flag}`,
  });
}
