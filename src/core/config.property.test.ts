import { expect, test } from 'bun:test';
import { type CausewayConfig, configJsonSchema, parseConfig } from './config.ts';
import { type KeySchema, keysBelow, nameOf } from './config-keys.ts';
import { UserError } from './errors.ts';
import { seededRandom } from './seeded-random.ts';

const seed = Number(process.env.CAUSEWAY_SEED ?? Math.floor(Math.random() * 2 ** 31));

test(`200 configs with one fault each are refused, each by naming its key (CAUSEWAY_SEED=${seed})`, () => {
  const random = randomFrom(seed);
  for (let round = 0; round < 200; round++) {
    const { config, key, fault } = breakOneThing(validConfig(random), random);
    const error = refusalOf(config);
    expect({ round, fault, isUserError: error instanceof UserError }).toEqual({
      round,
      fault,
      isUserError: true,
    });
    if (!(error instanceof UserError)) throw error;
    expect({ round, fault, code: error.code }).toEqual({ round, fault, code: 'config_wrong' });
    expect(error.message).toContain(key);
    expect(error.message).not.toMatch(/invalid input|expected|received|undefined is/i);
  }
});

test(`20 configs without a fault are taken (CAUSEWAY_SEED=${seed})`, () => {
  const random = randomFrom(seed);
  for (let round = 0; round < 20; round++) {
    expect(() => parseConfig(validConfig(random), 'causeway.config.ts')).not.toThrow();
  }
});

type Random = (below: number) => number;
type Place = readonly string[];

/** Whole numbers below one. */
function randomFrom(start: number): Random {
  const random = seededRandom(start);
  return (below) => Math.floor(random() * below);
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random(values.length)] as T;
}

/** With every key present, so that each can be broken; its values differ from one to the next. */
function validConfig(random: Random): CausewayConfig {
  const duration = () => `${1 + random(59)}${pick(random, ['ms', 's', 'm', 'h'] as const)}` as const;
  const texts = () => Array.from({ length: 1 + random(3) }, (_, index) => `text-${index}`);
  const made = random(2) === 0 ? { entry: 'src/main.ts' } : { files: texts(), command: texts() };
  const variables = () => ({
    env: { [`NAME_${random(9)}`]: `value ${random(9)}` },
    secrets: {
      [`KEY_${random(9)}`]: pick(random, [{ env: 'KEY' }, { file: 'key' }, { command: ['pass', 'key'] }]),
    },
  });
  const local = (port: number) => ({
    target: 'local' as const,
    port,
    replicas: 1 + random(64),
    bake: duration(),
    allow: { errorShare: random(101) / 100, slowdown: 1 + random(9) },
    deadlines: { start: duration(), test: duration(), hook: duration() },
    ...variables(),
    hooks: { before: 'echo before', after: texts() },
  });
  return {
    project: `p${random(1000)}`,
    service: {
      ...made,
      test: random(2) === 0 ? 'bun test' : texts(),
      port: 1 + random(65_535),
      paths: ['/', `/p${random(9)}`],
      probes: { ready: '/readyz', live: '/livez', metrics: '/metrics', timeout: duration() },
      ...variables(),
      drain: duration(),
      release: texts(),
    },
    environments: { local: local(1 + random(30_000)), staging: local(30_001 + random(30_000)) },
  };
}

interface Broken {
  readonly config: unknown;
  /** What the message must contain. */
  readonly key: string;
  readonly fault: string;
}

function breakOneThing(config: CausewayConfig, random: Random): Broken {
  const places = placesOf(config);
  const place = pick(random, places);
  const { schema } = schemaAt(place);
  const breaks = [
    () => wrongKind(config, place, random),
    () => unknownName(config, place, random),
    () => (schema.maximum === undefined ? undefined : replaced(config, place, schema.maximum + 1)),
    () => (schema.minimum === undefined ? undefined : replaced(config, place, schema.minimum - 1)),
    () => (schema.title === 'duration' ? replaced(config, place, pick(random, badDurations)) : undefined),
    () =>
      schema.title === 'path' ? replaced(config, place, pick(random, ['', 'x', '//x', '/ä'])) : undefined,
    () =>
      schema.title === 'name' ? replaced(config, place, pick(random, ['', 'A', '1', 'a_b', '-'])) : undefined,
    () => (schema.const === undefined ? undefined : replaced(config, place, `${schema.const}!`)),
    () => (schema.type === 'array' ? replaced(config, place, []) : undefined),
  ];
  return pick(random, breaks)() ?? wrongKind(config, place, random);
}

const badDurations = ['', '3', 's', '3 s', '-3s', '3S', '1e3s', '25d', '3s3s', 3];

/** What no key takes. */
function wrongKind(config: CausewayConfig, place: Place, random: Random): Broken {
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  const wrong: readonly unknown[] = [
    () => 1,
    Symbol('x'),
    Number.NaN,
    Number.POSITIVE_INFINITY,
    5n,
    new Date(0),
    new Map(),
    /x/,
    Promise.resolve(1),
    true,
    null,
    [cyclic],
    [[]],
  ];
  return replaced(config, place, pick(random, wrong));
}

/** A name that no key has: in an object of fixed keys one misspelt or too many, and `__proto__` anywhere. */
function unknownName(config: CausewayConfig, place: Place, random: Random): Broken | undefined {
  const { schema, path } = schemaAt(place);
  const isFixed = keysBelow({ path, schema }).some((key) => nameOf(key.path) !== '<name>');
  const isObject = typeof valueAt(config, place) === 'object' && !Array.isArray(valueAt(config, place));
  if (!isObject || (isFixed && place.includes('secrets'))) return undefined;
  const name = isFixed ? pick(random, ['prot', 'xyzzy', 'constructor', '', 'a b', '__proto__']) : '__proto__';
  return replaced(config, [...place, name], 'x', name);
}

function replaced(config: CausewayConfig, place: Place, value: unknown, key = place.at(-1) ?? ''): Broken {
  const copy = structuredClone(config);
  const around = valueAt(copy, place.slice(0, -1)) as object;
  Object.defineProperty(around, place.at(-1) ?? '', {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
  const shown = typeof value === 'object' ? Bun.inspect(value) : String(value);
  return { config: copy, key, fault: `${place.join('.')} = ${shown}` };
}

/** Every place in the config that the schema knows. */
function placesOf(value: unknown, place: Place = []): readonly Place[] {
  const here = place.length === 0 ? [] : [place];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return here;
  return [...here, ...Object.entries(value).flatMap(([name, inner]) => placesOf(inner, [...place, name]))];
}

function valueAt(value: unknown, place: Place): unknown {
  return place.reduce((inner, name) => (inner as Record<string, unknown>)[name], value);
}

const root = configJsonSchema();

/** What the schema says of a place; nothing of a single variable. */
function schemaAt(place: Place): { readonly path: string; readonly schema: KeySchema } {
  let at: { readonly path: string; readonly schema: KeySchema } = { path: '', schema: root };
  for (const name of place) {
    const below = keysBelow(at);
    at = below.find(({ path }) => nameOf(path) === name) ??
      below.find(({ path }) => nameOf(path) === '<name>') ?? { path: '', schema: {} };
  }
  return at;
}

function refusalOf(config: unknown): unknown {
  try {
    parseConfig(config, 'causeway.config.ts');
    return 'the config was accepted';
  } catch (error) {
    return error;
  }
}
