import type { Evidence } from './verdict.ts';

/** Of shorter ones anything may hold the letters: left out of a text, they would make it unreadable. */
const shortestValue = 6;

/**
 * Leaves secret values out of a text: whole, each line of a value that has several, and as JSON, a URL and Base64 write
 * it. Values shorter than `shortest` stay.
 */
export function redactor(
  values: Iterable<string>,
  { shortest = shortestValue }: { readonly shortest?: number } = {},
): (text: string) => string {
  const parts = [...values].flatMap(partsOf).filter((part) => part.length >= shortest);
  const longestFirst = [...new Set(parts.flatMap(formsOf))].sort((a, b) => b.length - a.length);
  return (text) => longestFirst.reduce((left, form) => left.replaceAll(form, '[redacted]'), text);
}

/** What a bad release printed, without its secrets. */
export function redactEvidence(evidence: Evidence, values: Iterable<string>): Evidence {
  const redact = redactor(values);
  return { ...evidence, lines: evidence.lines.map(redact) };
}

function partsOf(value: string): readonly string[] {
  const lines = value.split(/\r?\n/).map((line) => line.trim());
  return [value, value.trim(), ...lines];
}

function formsOf(part: string): readonly string[] {
  const base64 = Buffer.from(part).toString('base64');
  return [part, JSON.stringify(part).slice(1, -1), encodeURIComponent(part.toWellFormed()), base64];
}
