import type { z } from 'zod';
import { isFree, type KeySchema, keyAt, keysBelow, listKeys, nameOf } from './config-keys.ts';
import { didYouMean } from './did-you-mean.ts';

export interface Problem {
  readonly place: readonly PropertyKey[];
  /** The place, what stands there, and what may: one line. */
  readonly text: string;
}

/**
 * What is wrong with a value, said of it: `is not a number`. A schema that knows better says so itself, in
 * the same form.
 */
export function describeIssue(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.received === 'Infinity'
        ? 'is not a finite number'
        : `is not ${kinds[issue.expected] ?? issue.expected}`;
    case 'too_big':
      return `${isCounted(issue.origin) ? 'is too long' : 'is too big'}; ${issue.maximum} at most`;
    case 'too_small':
      if (isCounted(issue.origin) && issue.minimum === 1) return 'is empty';
      return `${isCounted(issue.origin) ? 'is too short' : 'is too small'}; ${issue.minimum} at least`;
    case 'invalid_value':
      return `is not known; write ${oneOf(issue.values)}`;
    case 'invalid_union':
      return Array.isArray(issue.options)
        ? `is not a ${issue.discriminator}; write ${oneOf(issue.options)}`
        : 'is not of a kind that may stand here';
    case 'invalid_key':
      return 'is not a name that may stand here';
    default:
      return 'is not written as it should be';
  }
}

/** Every problem that a parse found, in plain words. Secrets may stand below `env` and `secrets`: none is shown. */
export function listProblems(
  issues: readonly z.core.$ZodIssue[],
  config: unknown,
  root: KeySchema,
): readonly Problem[] {
  return issues.flatMap((issue) => problemsOf(issue, [], config, root));
}

/** A key that the schema does not know, with what was likely meant. */
export function unknownKey(place: readonly PropertyKey[], root: KeySchema): Problem {
  const name = String(place.at(-1));
  const below = keysBelow(keyAt(root, place.slice(0, -1))).filter(({ path }) => !isFree(path));
  const names = below.map(({ path }) => nameOf(path));
  const meant = didYouMean(name, names) ?? listKeys(root).find(({ path }) => nameOf(path) === name)?.path;
  let text = `${placeText(place)} is not a key`;
  if (meant) text += `; did you mean ${meant}?`;
  else if (names.length > 0) text += `; the keys here are ${names.join(', ')}`;
  return { place, text };
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function isCounted(origin: string): boolean {
  return origin === 'string' || origin === 'array';
}

function oneOf(values: readonly unknown[]): string {
  const written = values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)));
  const last = written.pop() ?? '';
  return written.length === 0 ? last : `${written.join(', ')} or ${last}`;
}

function problemsOf(
  issue: z.core.$ZodIssue,
  above: readonly PropertyKey[],
  config: unknown,
  root: KeySchema,
): readonly Problem[] {
  const place = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey([...place, key], root));
  }
  if (issue.code === 'invalid_key') {
    const message = issue.issues[0]?.message ?? issue.message;
    return [{ place, text: `${placeText(place)} ${message}` }];
  }
  if (issue.code === 'invalid_union') {
    // Where the value is of the kind of one alternative, what that one misses is the problem.
    const near = issue.errors.filter((problems) => problems.every(({ path }) => path.length > 0));
    const [only, ...others] = near;
    if (only && others.length === 0) return only.flatMap((inner) => problemsOf(inner, place, config, root));
  }
  const found = valueAt(config, place);
  if (issue.code === 'invalid_union' && !found.isThere) {
    const meant = meantFor(place, issue, config, root);
    if (meant) return [meant];
  }
  return [{ place, text: problemText(issue, place, found) }];
}

/** Where the key that says of which kind an object is is missing: another one that was likely meant for it. */
function meantFor(
  place: readonly PropertyKey[],
  issue: object,
  config: unknown,
  root: KeySchema,
): Problem | undefined {
  const above = place.slice(0, -1);
  const { value: holder } = valueAt(config, above);
  if (typeof holder !== 'object' || holder === null) return undefined;
  const name = String(place.at(-1));
  const options = 'options' in issue && Array.isArray(issue.options) ? issue.options : [];
  const known = keysBelow(keyAt(root, above)).map(({ path }) => nameOf(path));
  const strange = Object.entries(holder).filter(([key]) => !known.includes(key));
  const [key] =
    strange.find(([key]) => didYouMean(key, [name])) ??
    strange.find(([_, value]) => options.includes(value)) ??
    [];
  if (key === undefined) return undefined;
  return { place, text: `${placeText([...above, key])} is not a key; did you mean ${name}?` };
}

function problemText(
  { code, message }: z.core.$ZodIssue,
  place: readonly PropertyKey[],
  found: Found,
): string {
  const at = placeText(place);
  if (code === 'custom' && !isScalar(found.value)) return `${at} ${message}`;
  if (!found.isThere) return `${at} is missing${/;.*/.exec(message)?.[0] ?? ''}`;
  const what = isSecret(place) ? kindText(found.value) : valueText(found.value);
  return `${at === '' ? '' : `${at}: `}${what} ${message}`;
}

interface Found {
  readonly isThere: boolean;
  readonly value?: unknown;
}

function valueAt(config: unknown, place: readonly PropertyKey[]): Found {
  let value = config;
  for (const part of place) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return { isThere: false };
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return { isThere: true, value };
}

function isScalar(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

/** At or below the `env` or `secrets` of the service or of an environment. */
function isSecret(place: readonly PropertyKey[]): boolean {
  const holder = place[0] === 'service' ? place[1] : place[0] === 'environments' ? place[2] : undefined;
  return holder === 'env' || holder === 'secrets';
}

function kindText(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (typeof value === 'string') return 'this text';
  return isScalar(value) || typeof value === 'bigint' ? `this ${typeof value}` : valueText(value);
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'bigint') return quote(`${value}n`).slice(1, -1);
  if (typeof value === 'symbol') return value.description ?? 'a symbol';
  if (Array.isArray(value)) return value.length === 0 ? '[]' : 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

function placeText(place: readonly PropertyKey[]): string {
  let text = '';
  for (const part of place) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w-]{1,60}$/.test(String(part))) text += `${text === '' ? '' : '.'}${String(part)}`;
    else text += `[${quote(String(part))}]`;
  }
  return text;
}

const longest = 60;

/** JSON without characters that a terminal would act on. */
function quote(text: string): string {
  const short = text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  return JSON.stringify(short).replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
