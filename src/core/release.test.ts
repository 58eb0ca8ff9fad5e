import { describe, expect, test } from 'bun:test';
import { canonicalJson, makeRelease, type Release, shortId } from './release.ts';

const parts: Omit<Release, 'id'> = {
  artifact: 'sha256:9f3c2a1',
  command: ['bun', 'main.js'],
  settings: {
    env: { LEVEL: 'info', REGION: 'eu' },
    secrets: ['TOKEN'],
    port: 8080,
    paths: ['/'],
    probes: { ready: '/ready', timeoutMs: 1_000 },
    drainMs: 30_000,
  },
};

describe('the id of a release', () => {
  test('is a digest of its content', () => {
    const { id } = makeRelease(parts);

    expect(id).toMatch(/^[0-9a-f]{64}$/);
  });

  test('does not depend on the order of keys, nor on keys without a value', () => {
    const { command, settings, artifact } = parts;
    const { env, ...others } = settings;
    const reordered = {
      settings: { ...others, releaseCommand: undefined, env: { REGION: env.REGION ?? '', LEVEL: 'info' } },
      image: undefined,
      command,
      artifact,
    } as Omit<Release, 'id'>;

    expect(makeRelease(reordered).id).toBe(makeRelease(parts).id);
  });

  const { settings } = parts;
  const changes: Record<string, Omit<Release, 'id'>> = {
    'another artifact': { ...parts, artifact: 'sha256:9f3c2a2' },
    'an image': { ...parts, image: 'sha256:1' },
    'another command': { ...parts, command: ['bun', 'main.js', ''] },
    'the command in another order': { ...parts, command: ['main.js', 'bun'] },
    'another value of a variable': {
      ...parts,
      settings: { ...settings, env: { LEVEL: 'info', REGION: 'us' } },
    },
    'one variable more': { ...parts, settings: { ...settings, env: { ...settings.env, EMPTY: '' } } },
    'no variable': { ...parts, settings: { ...settings, env: {} } },
    'another secret': { ...parts, settings: { ...settings, secrets: ['TOKEN', 'KEY'] } },
    'another port': { ...parts, settings: { ...settings, port: 8081 } },
    'another declared path': { ...parts, settings: { ...settings, paths: ['/', '/orders'] } },
    'another readiness path': {
      ...parts,
      settings: { ...settings, probes: { ready: '/', timeoutMs: 1_000 } },
    },
    'a liveness path': {
      ...parts,
      settings: { ...settings, probes: { ...settings.probes, live: '/live' } },
    },
    'another timeout': { ...parts, settings: { ...settings, probes: { ready: '/ready', timeoutMs: 999 } } },
    'another drain': { ...parts, settings: { ...settings, drainMs: 29_999 } },
    'a release command': { ...parts, settings: { ...settings, releaseCommand: ['migrate'] } },
  };

  test.each(Object.entries(changes))('is another with %s', (_title, changed) => {
    expect(makeRelease(changed).id).not.toBe(makeRelease(parts).id);
  });

  test('is another for each of these changes', () => {
    const ids = Object.values(changes).map((changed) => makeRelease(changed).id);

    expect(new Set(ids).size).toBe(ids.length);
  });
});

test('a variable may have any name, and still counts', () => {
  const env = JSON.parse('{"__proto__":"1"}') as Record<string, string>;

  expect(canonicalJson({ env })).toBe('{"env":{"__proto__":"1"}}');
});

test('people see the first seven digits of an id', () => {
  expect(shortId('9f3c2a1d4e5f')).toBe('9f3c2a1');
  expect(shortId('sha256:9f3c2a1d4e5f')).toBe('9f3c2a1');
});
