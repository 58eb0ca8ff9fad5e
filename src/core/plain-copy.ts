import { wordsOf } from './words-of.ts';

export interface PlainCopy {
  /** Data alone; in the place of anything else stands a symbol whose description is what was found. */
  readonly copy: unknown;
  /** Where a key was called `__proto__`; such keys are left out of the copy. */
  readonly prototypeKeys: readonly (readonly PropertyKey[])[];
}

/** Nothing in a config lies this deep. */
const deepest = 16;

/** Reads a value of unknown origin once, whatever it is: it may be cyclic, throw when read, or be no data at all. */
export function plainCopy(value: unknown): PlainCopy {
  const prototypeKeys: PropertyKey[][] = [];
  const copy = copyOf(value, [], new Set());
  return { copy, prototypeKeys };

  function copyOf(original: unknown, path: readonly PropertyKey[], around: ReadonlySet<object>): unknown {
    if (typeof original === 'function') return Symbol('a function');
    if (typeof original === 'symbol') return Symbol('a symbol');
    if (typeof original !== 'object' || original === null) return original;
    if (around.has(original)) return Symbol('an object that holds itself');
    if (path.length > deepest) return Symbol('an object this deep');
    try {
      return copyOfObject(original, path, new Set(around).add(original));
    } catch (error) {
      return Symbol(`a value that cannot be read (${wordsOf(error)})`);
    }
  }

  function copyOfObject(
    original: object,
    path: readonly PropertyKey[],
    around: ReadonlySet<object>,
  ): unknown {
    if (Array.isArray(original)) {
      return Array.from(original, (entry, index) => copyOf(entry, [...path, index], around));
    }
    if (!isPlain(original)) return Symbol(kindOf(original));
    const entries: [string, unknown][] = [];
    for (const [key, inner] of Object.entries(original)) {
      if (key === '__proto__') prototypeKeys.push([...path, key]);
      else entries.push([key, copyOf(inner, [...path, key], around)]);
    }
    return Object.fromEntries(entries);
  }
}

function isPlain(object: object): boolean {
  const prototype = Object.getPrototypeOf(object);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function kindOf(object: object): string {
  const name: unknown = object.constructor?.name;
  if (typeof name !== 'string' || !/^[A-Z]\w{0,40}$/.test(name) || name === 'Object') {
    return 'an object with a prototype of its own';
  }
  return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
}
