import type { Evidence } from './verdict.ts';

/** Of shorter ones anything may hold the letters: left out of a text, they would make it unreadable. */
const shortestValue = 6;

/**
 * Leaves secret values out of a text: whole, each line of a value that has several, and the password of a URL; as they are,
 * and as JSON, URLs, hexadecimal digits and Base64 write them, also where Base64 holds more. Shorter ones than `shortest`
 * stay. docs/config.md says what is not found.
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
  return [value, value.trim(), ...lines, ...passwordsOf(value.trim())];
}

/** `postgres://shop:password@db/shop`: a driver may tell the password alone, as it was written or as it is meant. */
function passwordsOf(value: string): readonly string[] {
  const [, written] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@]*?:([^/?#]*)@/i.exec(value) ?? [];
  return written === undefined ? [] : [written, decoded(written)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function formsOf(part: string): readonly string[] {
  const bytes = Buffer.from(part);
  const json = inJson(part);
  const url = encodeURIComponent(part.toWellFormed());
  const hex = bytes.toString('hex');
  return [
    part,
    json,
    inJson(json),
    inAscii(json),
    url,
    new URLSearchParams([['', part.toWellFormed()]]).toString().slice(1),
    url.replaceAll(/%../g, (code) => code.toLowerCase()),
    hex,
    hex.toUpperCase(),
    ...inBase64(bytes),
    ...inBase64(bytes).map((form) => form.replaceAll('+', '-').replaceAll('/', '_')),
  ];
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** As many writers of JSON have it. */
function inAscii(json: string): string {
  return json.replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Alone, with and without its padding; and behind one or two bytes more than three, as in `user:password`. */
function inBase64(bytes: Buffer): readonly string[] {
  const whole = bytes.toString('base64');
  const inside = [0, 1, 2].map((before) => {
    const shifted = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    // The letters at its ends hold bits of what stands beside it.
    return shifted.slice(Math.ceil((before * 4) / 3), Math.floor(((before + bytes.length) * 4) / 3));
  });
  return [whole, whole.replace(/=+$/, ''), ...inside];
}
