import type { CausewayConfig } from './config.ts';
import { pick } from './seeded-random.ts';

/** A config with an environment of every target, and most of the keys that there are. */
export function fakeConfig(random: () => number): CausewayConfig {
  const upTo = (most: number) => 1 + Math.floor(random() * most);
  const duration = () => `${upTo(59)}${pick(random, ['ms', 's', 'm', 'h'] as const)}` as const;
  const variables = () => ({
    env: { [`NAME_${upTo(9)}`]: `value ${upTo(9)}` },
    secrets: {
      [`KEY_${upTo(9)}`]: pick(random, [{ env: 'KEY' }, { file: 'key' }, { command: ['pass', 'key'] }]),
    },
  });
  const rules = () => ({
    bake: duration(),
    allow: { errorShare: upTo(100) / 100, slowdown: upTo(9) },
    deadlines: { start: duration(), test: duration(), release: duration(), hook: duration() },
    ...variables(),
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
      ...variables(),
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
