import { configJsonSchema } from './config.ts';
import { isFree, type KeySchema, keysBelow, nameOf } from './config-keys.ts';
import { fakeConfig } from './fake-config.ts';
import { pick } from './seeded-random.ts';

type Random = () => number;
type Place = readonly string[];
type Json = { [key: string]: unknown };

export interface WrongConfig {
  readonly config: unknown;
  /** The key that the error must name. */
  readonly key: string;
  /** What was likely meant, where a key was misspelt. */
  readonly meant?: string;
  readonly fault: string;
}

/** A valid config with one fault, which can be written as JSON. */
export function wrongConfig(random: Random): WrongConfig {
  return breakOneThing(random, writable);
}

/** The same, also with what a config can only hold where code made it. */
export function wrongExport(random: Random): WrongConfig {
  return breakOneThing(random, [...writable, unwritable, unwritable, prototypeKey]);
}

/** Breaks the config that it is given; undefined: not this one, or not there. */
type Fault = (config: Json, random: Random) => WrongConfig | undefined;

function breakOneThing(random: Random, faults: readonly Fault[]): WrongConfig {
  for (;;) {
    const config = JSON.parse(JSON.stringify(fakeConfig(random))) as Json;
    const broken = pick(random, faults)(config, random);
    if (broken) return broken;
  }
}

/** Names below these are the user's own. */
const freeBelow = new Set(['env', 'secrets', 'environments', 'annotations']);

const misspell: Fault = (config, random) => {
  const place = pick(random, placesOf(config));
  const name = place.at(-1) ?? '';
  if (freeBelow.has(place.at(-2) ?? '') || name.length < 4) return undefined;
  const at = 1 + Math.floor(random() * (name.length - 2));
  const wrong = pick(random, [
    name.slice(0, at) + name.slice(at + 1),
    name.slice(0, at) + name.slice(at, at + 1) + name.slice(at),
    name.slice(0, at) + name.charAt(at + 1) + name.charAt(at) + name.slice(at + 2),
    name.toUpperCase(),
    `${name}s`,
  ]);
  const around = objectAt(config, place.slice(0, -1));
  if (wrong in around) return undefined;
  // The right one stays beside it, so that nothing is missing.
  around[wrong] = around[name];
  return { config, key: wrong, meant: name, fault: [...place.slice(0, -1), wrong].join('.') };
};

/** A name like none that the object has. */
const unknownKey: Fault = (config, random) => {
  const place = pick(random, placesOf(config));
  const isFixed = keysBelow(keyAt(config, place)).some(({ path }) => !isFree(path));
  if (!isFixed || place.includes('secrets')) return undefined;
  return replaced(config, [...place, pick(random, ['xyzzy', 'constructor', '', 'a b'])], 'x');
};

const wrongType: Fault = (config, random) => {
  const place = pick(random, placesOf(config));
  const found = valueAt(config, place);
  const others = [true, 'x y', 7, [{}], [[]], null, { x: { y: 1 } }].filter(
    (other) => kindOf(other) !== kindOf(found),
  );
  // A command may be a text or a list.
  const fits = (other: unknown) =>
    ['test', 'before', 'after'].includes(place.at(-1) ?? '') && other === 'x y';
  const value = pick(
    random,
    others.filter((other) => !fits(other)),
  );
  return replaced(config, place, value);
};

/** By the last name of the place: values of the right type that may not stand there. */
const outOfRange: Readonly<Record<string, readonly unknown[]>> = {
  port: [1.5],
  replicas: [1.5],
  slowdown: [0.9],
  timeout: ['0s'],
  start: ['0s'],
  paths: [['x'], ['/', 'no']],
  project: ['x'.repeat(200)],
  target: ['lokal', '', 'docker', 'Kubernetes'],
  runner: ['pod', 'containers'],
  runtime: ['node', 'Bun'],
  surge: ['two', 'All'],
  network: ['open', 'privat'],
  kind: ['clusterIP', 'node'],
  cpu: ['1XB', '-1', '100 m'],
  memory: ['256', '1Mb', ''],
  max: [1.5],
  region: ['Europe', 'eu_central'],
  budget: [-1, 0],
  platforms: [['linux']],
};

/** The same, by what the schema says of the place. */
function outOfSchema({ minimum, maximum, type, title = '', const: only }: KeySchema): readonly unknown[] {
  return [
    ...(minimum === undefined ? [] : [minimum - 1]),
    ...(maximum === undefined ? [] : [maximum + 1]),
    ...(type === 'array' ? [[]] : []),
    ...(only === undefined ? [] : [`${only}!`]),
    ...(badTexts[title] ?? []),
  ];
}

const badTexts: Readonly<Record<string, readonly string[]>> = {
  duration: ['', '3', 's', '3 s', '-3s', '3S', '1e3s', '25d', '3s3s', 'soon'],
  path: ['', 'x', '//x', '/ä'],
  name: ['', 'A', 'a_b', '-'],
};

const wrongValue: Fault = (config, random) => {
  const place = pick(
    random,
    placesOf(config).filter((one) => !freeBelow.has(one.at(-2) ?? '')),
  );
  const found = valueAt(config, place);
  const values = [...(outOfRange[place.at(-1) ?? ''] ?? []), ...outOfSchema(keyAt(config, place).schema)];
  const fitting = values.filter((value) => kindOf(value) === kindOf(found));
  return fitting.length === 0 ? undefined : replaced(config, place, pick(random, fitting));
};

const missing: Fault = (config, random) => {
  const place = pick(random, [
    ['project'],
    ['service'],
    ['environments'],
    ['environments', 'local', 'target'],
    ['environments', 'staging', 'target'],
    ['environments', 'production', 'target'],
  ] as const);
  const around = objectAt(config, place.slice(0, -1));
  delete around[place.at(-1) ?? ''];
  return { config, key: place.at(-1) ?? '', fault: `${place.join('.')} is missing` };
};

const conflict: Fault = (config, random) => {
  const service = objectAt(config, ['service']);
  const environments = objectAt(config, ['environments']);
  const conflicts: readonly (() => WrongConfig)[] = [
    () => {
      Object.assign(service, { entry: 'src/main.ts', files: ['src'], command: undefined });
      return { config, key: 'files', fault: 'entry beside files' };
    },
    () => {
      Object.assign(service, { entry: 'src/main.ts', command: ['node'], files: undefined });
      return { config, key: 'command', fault: 'entry beside command' };
    },
    () => {
      Object.assign(service, { files: ['src'], command: undefined, entry: undefined });
      return { config, key: 'command', fault: 'files without command' };
    },
    () => {
      environments.second = environments.local;
      return { config, key: 'port', fault: 'two environments at one port' };
    },
    () => {
      Object.assign(objectAt(config, ['environments', 'local']), { runner: 'container', signed: true });
      return { config, key: 'signed', fault: 'signed without a key that is trusted' };
    },
    () => {
      Object.assign(objectAt(config, ['environments', 'staging']), {
        surge: 'none',
        replicas: 1,
        autoscale: undefined,
      });
      return { config, key: 'surge', fault: 'surge none with one replica' };
    },
    () => {
      Object.assign(objectAt(config, ['environments', 'staging']), {
        autoscale: { min: 5, max: 2 },
        replicas: undefined,
      });
      return { config, key: 'autoscale.max', fault: 'autoscale.max below its min' };
    },
  ];
  return pick(random, conflicts)();
};

const writable: readonly Fault[] = [
  misspell,
  misspell,
  unknownKey,
  wrongType,
  wrongType,
  wrongValue,
  wrongValue,
  missing,
  conflict,
];

/** What no key takes, and JSON has no word for. */
const unwritable: Fault = (config, random) => {
  const cyclic: Json = {};
  cyclic.self = cyclic;
  const values: readonly unknown[] = [
    () => 1,
    Symbol('x'),
    Number.NaN,
    Number.POSITIVE_INFINITY,
    5n,
    new Date(0),
    new Map(),
    /x/,
    Promise.resolve(1),
    [cyclic],
  ];
  return replaced(config, pick(random, placesOf(config)), pick(random, values));
};

/** Written out it would be the object's prototype. */
const prototypeKey: Fault = (config, random) => {
  const place = pick(random, placesOf(config));
  return kindOf(valueAt(config, place)) === 'object'
    ? replaced(config, [...place, '__proto__'], 'x')
    : undefined;
};

function replaced(config: Json, place: Place, value: unknown): WrongConfig {
  const key = place.at(-1) ?? '';
  const property = { value, enumerable: true, configurable: true, writable: true };
  Object.defineProperty(objectAt(config, place.slice(0, -1)), key, property);
  const shown = typeof value === 'object' ? Bun.inspect(value) : String(value);
  return { config, key, fault: `${place.join('.')} = ${shown}` };
}

function placesOf(value: unknown, place: Place = []): readonly Place[] {
  const here = place.length === 0 ? [] : [place];
  if (kindOf(value) !== 'object') return here;
  return [
    ...here,
    ...Object.entries(value as Json).flatMap(([name, inner]) => placesOf(inner, [...place, name])),
  ];
}

function valueAt(value: unknown, place: Place): unknown {
  return place.reduce((inner, name) => (inner as Json)[name], value);
}

function objectAt(value: unknown, place: Place): Json {
  return valueAt(value, place) as Json;
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value;
}

const root = configJsonSchema();

/** What the schema says of a place, of an environment by its target; nothing of a single variable. */
function keyAt(config: Json, place: Place): { readonly path: string; readonly schema: KeySchema } {
  let at = { path: '', schema: root };
  let value: unknown = config;
  for (const name of place) {
    const below = keysBelow({ ...at, schema: variantFor(at.schema, value) });
    at = below.find(({ path }) => nameOf(path) === name) ??
      below.find(({ path }) => isFree(path)) ?? { path: '', schema: {} };
    value = objectAt(value, [name]);
  }
  return { ...at, schema: variantFor(at.schema, value) };
}

function variantFor(schema: KeySchema, value: unknown): KeySchema {
  const fits = ({ properties = {} }: KeySchema) =>
    Object.entries(properties).every(
      ([name, { const: only }]) => only === undefined || only === (value as Json)[name],
    );
  return schema.oneOf?.find(fits) ?? schema;
}
