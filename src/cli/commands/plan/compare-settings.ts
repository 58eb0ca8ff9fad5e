import { isObject } from '../../../core/is-object.ts';

export interface Change {
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** What differs between two settings, field by field; `undefined` where a field is missing. Lists are compared whole. */
export function changesBetween(from: object, to: object, above = ''): readonly Change[] {
  const fields = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  return fields.flatMap((name): readonly Change[] => {
    const [before, after] = [fieldOf(from, name), fieldOf(to, name)];
    const field = above ? `${above}.${name}` : name;
    if (isObject(before) && isObject(after)) return changesBetween(before, after, field);
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ field, from: before, to: after }];
  });
}

function fieldOf(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined;
}
