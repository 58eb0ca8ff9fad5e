import { expect, test } from 'bun:test';
import { inConfigSpelling } from './config-spelling.ts';

test('settings stand under the keys of the config, durations as they are written there', () => {
  const settings = {
    env: { LEVEL: 'debug' },
    secrets: ['DB'],
    port: 8080,
    paths: ['/'],
    probes: { ready: '/readyz', timeoutMs: 1_500 },
    drainMs: 120_000,
    releaseCommand: ['bun', 'migrate.ts'],
  };

  expect(inConfigSpelling({ settings })).toEqual({
    service: {
      env: { LEVEL: 'debug' },
      secrets: ['DB'],
      port: 8080,
      paths: ['/'],
      probes: { ready: '/readyz', timeout: '1500ms' },
      drain: '2m',
      release: ['bun', 'migrate.ts'],
    },
  });
});
