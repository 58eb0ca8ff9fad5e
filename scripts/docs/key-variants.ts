import type { KeySchema } from '../../src/core/config-keys.ts';

export interface KeyVariant {
  readonly schema: KeySchema;
  /** What tells the object that it stands in from others: an environment's `target`, an exposure's `kind`. */
  readonly kind?: string;
  /** The kinds there are. */
  readonly siblings: readonly string[];
}

/** What a key is in each kind of object that has it: an environment's `bake` has another default in each target. */
export function variantsAt(root: KeySchema, path: string): readonly KeyVariant[] {
  let found: readonly KeyVariant[] = [{ schema: root, siblings: [] }];
  for (const part of path.split('.')) found = found.flatMap((above) => below(above, part));
  return found;
}

function below(above: KeyVariant, part: string): readonly KeyVariant[] {
  const { anyOf = [], oneOf = [] } = above.schema;
  const options = [...anyOf, ...oneOf].filter(({ properties }) => properties !== undefined);
  const siblings = options.map(({ properties = {} }) => `\`${constOf(properties) ?? ''}\``);
  return [
    ...inner(above, part),
    ...options.flatMap((schema, i) => {
      const kind = constOf(schema.properties ?? {});
      return inner({ schema, siblings, ...(kind === undefined ? {} : { kind: siblings[i] ?? '' }) }, part);
    }),
  ];
}

function inner({ schema, ...where }: KeyVariant, part: string): readonly KeyVariant[] {
  const next = part === '<name>' ? schema.additionalProperties : schema.properties?.[part];
  return typeof next === 'object' ? [{ schema: next, ...where }] : [];
}

function constOf(properties: Readonly<Record<string, KeySchema>>): string | undefined {
  const found = Object.values(properties).find((schema) => schema.const !== undefined);
  return found && String(found.const);
}
