import type { CausewayConfig } from '../../src/core/config.ts';
import { pick } from '../proof.ts';

type Random = () => number;
type Place = readonly string[];

export interface WrongConfig {
  readonly config: unknown;
  /** The key that the error must name. */
  readonly key: string;
  /** What was likely meant, where a key was misspelt. */
  readonly meant?: string;
  readonly fault: string;
}

/** A config with an environment of every target, and most of the keys that there are. */
export function validConfig(random: Random): CausewayConfig {
  const upTo = (most: number) => 1 + Math.floor(random() * most);
  const duration = () => `${upTo(59)}${pick(random, ['ms', 's', 'm'] as const)}` as const;
  const rules = () => ({
    bake: duration(),
    allow: { errorShare: upTo(100) / 100, slowdown: upTo(9) },
    deadlines: { start: duration(), test: duration(), release: duration(), hook: duration() },
    env: { [`NAME_${upTo(9)}`]: `value ${upTo(9)}` },
    secrets: {
      [`KEY_${upTo(9)}`]: pick(random, [{ env: 'KEY' }, { file: 'key' }, { command: ['pass', 'key'] }]),
    },
    hooks: { before: 'echo before', after: ['echo', 'after'] },
  });
  const pods = () => ({
    ...rules(),
    ...(random() < 0.5
      ? { replicas: 1 + upTo(63) }
      : { autoscale: { min: 2, max: 2 + upTo(20), cpu: upTo(100) } }),
    surge: pick(random, ['all', 'one', 'none'] as const),
    resources: { cpu: `${upTo(4)}00m`, memory: `${upTo(9)}28Mi` },
    preStop: duration(),
  });
  return {
    project: `p${upTo(1000)}`,
    service: {
      ...(random() < 0.5 ? { entry: 'src/main.ts' } : { files: ['src'], command: ['node', 'src/main.js'] }),
      test: pick(random, ['bun test', ['bun', 'test']]),
      port: upTo(65_535),
      paths: ['/', `/p${upTo(9)}`],
      probes: { ready: '/readyz', live: '/livez', metrics: '/metrics', timeout: duration() },
      env: { [`SHARED_${upTo(9)}`]: 'x' },
      drain: duration(),
      release: ['bun', 'migrate.ts'],
    },
    image: { runtime: pick(random, ['bun', 'none'] as const), platforms: ['linux/amd64'] },
    environments: {
      local: { target: 'local', port: upTo(30_000), replicas: upTo(64), runner: 'process', ...rules() },
      staging: {
        target: 'kubernetes',
        context: 'staging',
        namespace: 'shop',
        exposure: pick(random, [
          { kind: 'clusterip' as const },
          { kind: 'ingress' as const, host: 'shop.test', className: 'nginx' },
        ]),
        ...pods(),
      },
      production: {
        target: 'aws',
        region: 'eu-central-1',
        ttl: '8h',
        network: 'public',
        budget: upTo(900),
        ...pods(),
      },
    },
  } as CausewayConfig;
}

/** One thing of a valid config made wrong. */
export function wrongConfig(random: Random): WrongConfig {
  const config = JSON.parse(JSON.stringify(validConfig(random))) as Json;
  const kind = pick(random, faults);
  return kind(config, random) ?? misspell(config, random) ?? wrongConfig(random);
}

type Json = { [key: string]: unknown };
type Fault = (config: Json, random: Random) => WrongConfig | undefined;

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
  return { config, key: wrong, meant: name, fault: `${[...place.slice(0, -1), wrong].join('.')}` };
};

const wrongType: Fault = (config, random) => {
  const place = pick(random, placesOf(config));
  const found = objectAt(config, place.slice(0, -1))[place.at(-1) ?? ''];
  const others = [true, 'x y', 7, [{}], null, { x: { y: 1 } }].filter(
    (other) => kindOf(other) !== kindOf(found),
  );
  // A command may be a text or a list, and a text may stand anywhere in env.
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
  port: [0, -1, 65_536, 1.5],
  replicas: [0, 1.5, 100_000],
  errorShare: [-0.1, 1.1, 2],
  slowdown: [0, 0.9],
  bake: ['3', '3x', '-3s', '3 s', ''],
  drain: ['3S', '1e3s'],
  timeout: ['0s', 's'],
  start: ['0s', 'soon'],
  preStop: ['10'],
  ready: ['', 'readyz', '//readyz', '/ä'],
  paths: [[], ['x'], ['/', 'no']],
  project: ['', 'Shop', '1shop', 'a_b', '-', 'x'.repeat(200)],
  namespace: ['', 'A', 'a_b'],
  target: ['lokal', '', 'docker', 'Kubernetes'],
  runner: ['pod', 'containers'],
  runtime: ['node', 'Bun'],
  surge: ['two', 'All'],
  network: ['open', 'privat'],
  kind: ['clusterIP', 'node'],
  cpu: [0, '1XB', '-1', '100 m'],
  memory: ['256', '1Mb', ''],
  max: [0, 1.5, 100_000],
  region: ['Europe', 'eu_central'],
  budget: [-1, 0],
  platforms: [[], ['linux']],
};

const wrongValue: Fault = (config, random) => {
  const places = placesOf(config).filter((place) => {
    const values = outOfRange[place.at(-1) ?? ''];
    return values !== undefined && !freeBelow.has(place.at(-2) ?? '');
  });
  const place = pick(random, places);
  const found = objectAt(config, place.slice(0, -1))[place.at(-1) ?? ''];
  const values = (outOfRange[place.at(-1) ?? ''] ?? []).filter((value) => kindOf(value) === kindOf(found));
  return values.length === 0 ? undefined : replaced(config, place, pick(random, values));
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

const faults: readonly Fault[] = [
  misspell,
  misspell,
  wrongType,
  wrongType,
  wrongValue,
  wrongValue,
  missing,
  conflict,
];

function replaced(config: Json, place: Place, value: unknown): WrongConfig {
  objectAt(config, place.slice(0, -1))[place.at(-1) ?? ''] = value;
  return { config, key: place.at(-1) ?? '', fault: `${place.join('.')} = ${JSON.stringify(value)}` };
}

function placesOf(value: unknown, place: Place = []): readonly Place[] {
  const here = place.length === 0 ? [] : [place];
  if (kindOf(value) !== 'object') return here;
  return [
    ...here,
    ...Object.entries(value as Json).flatMap(([name, inner]) => placesOf(inner, [...place, name])),
  ];
}

function objectAt(value: unknown, place: Place): Json {
  return place.reduce<unknown>((inner, name) => (inner as Json)[name], value) as Json;
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value;
}
