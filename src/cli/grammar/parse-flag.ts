import { UserError } from '../core/errors.ts';

/** Reads a flag's value as a whole number above 0. */
export function wholeNumber(flag: string): (text: string) => number {
  return (text) => {
    if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
    throw wrongValue(flag, text, 'a whole number above 0');
  };
}

const spanUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Reads a moment: `5m` ago, or a date such as `2026-07-01T09:30:00Z`; milliseconds since 1970. */
export function moment(flag: string, text: string, now: number): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  if (amount !== undefined) return now - Number(amount) * (spanUnits[unit] ?? 0);
  const date = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(date)) return date;
  throw wrongValue(flag, text, "a span such as '5m' or a date such as '2026-07-01T09:30:00Z'");
}

function wrongValue(flag: string, text: string, wanted: string): UserError {
  return new UserError({
    code: 'usage_wrong',
    message: `${flag} ${text || "''"} is not ${wanted}`,
    hint: `write ${wanted} after ${flag}`,
  });
}
