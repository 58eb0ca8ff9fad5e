/** The parts of a JSON Schema that the config's has. */
export interface KeySchema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: KeySchema;
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: KeySchema | boolean;
  readonly anyOf?: readonly KeySchema[];
  readonly oneOf?: readonly KeySchema[];
}

export interface ConfigKey {
  /** Where the name is free, `<name>` stands: `environments.<name>.port`. */
  readonly path: string;
  readonly schema: KeySchema;
  readonly isRequired: boolean;
}

const freeName = '<name>';

/** The keys that may stand in an object of the config. */
export function keysBelow({ path, schema }: Pick<ConfigKey, 'path' | 'schema'>): readonly ConfigKey[] {
  const keys = new Map<string, ConfigKey>();
  for (const { properties = {}, required = [], additionalProperties } of variantsOf(schema)) {
    for (const [name, inner] of Object.entries(properties)) {
      if (!keys.has(name)) {
        keys.set(name, { path: join(path, name), schema: inner, isRequired: required.includes(name) });
      }
    }
    if (typeof additionalProperties === 'object' && hasKeys(additionalProperties)) {
      keys.set(freeName, {
        path: join(path, freeName),
        schema: additionalProperties,
        isRequired: false,
      });
    }
  }
  return [...keys.values()];
}

/** Every key that a config may have, each before those below it. */
export function listKeys(root: KeySchema): readonly ConfigKey[] {
  const below = (key: Pick<ConfigKey, 'path' | 'schema'>): readonly ConfigKey[] =>
    keysBelow(key).flatMap((inner) => [inner, ...below(inner)]);
  return below({ path: '', schema: root });
}

/** The key that a place in a config belongs to: the nearest one above it that the schema knows. */
export function keyAt(root: KeySchema, place: readonly PropertyKey[]): Pick<ConfigKey, 'path' | 'schema'> {
  let at: Pick<ConfigKey, 'path' | 'schema'> = { path: '', schema: root };
  for (const part of place) {
    const below = keysBelow(at);
    const next = below.find(({ path }) => nameOf(path) === part) ?? below.find(({ path }) => isFree(path));
    if (!next) return at;
    at = next;
  }
  return at;
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

export function isFree(path: string): boolean {
  return nameOf(path) === freeName;
}

/** The anchor of a key's heading in docs/config.md, as GitHub makes it of the heading's text. */
export function anchorOf(path: string): string {
  return path.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '');
}

function variantsOf(schema: KeySchema): readonly KeySchema[] {
  const { anyOf = [], oneOf = [] } = schema;
  return [schema, ...anyOf, ...oneOf];
}

function hasKeys(schema: KeySchema): boolean {
  return variantsOf(schema).some(({ properties }) => properties !== undefined);
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
