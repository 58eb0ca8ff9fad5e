import { expect, test } from 'bun:test';
import { makeShop } from './fixtures.ts';
import { settingsMapOf, templateOf } from './pod-template.ts';

test('the secret set is filled in for its mark, and told by a label', () => {
  const { stored } = makeShop({ service: { secrets: { TOKEN: { env: 'TOKEN' } } } });

  const { metadata, spec } = templateOf(stored, 'x7k2');

  expect(metadata?.labels).toMatchObject({ 'causeway.dev/secret-set': 'x7k2' });
  expect(spec?.containers[0]?.env).toEqual([
    { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'shop-secrets-x7k2', key: 'TOKEN' } } },
  ]);
});

test('a release without secrets is told apart by its id alone', () => {
  const { stored } = makeShop();

  expect(templateOf(stored, undefined)).toEqual(JSON.parse(stored.template));
  expect(stored.template).not.toContain('secret');
});

test('no command is given, so that an image starts as it says itself', () => {
  for (const command of [[], ['bun', 'main.js']]) {
    const [container] = templateOf(makeShop({ command }).stored, undefined).spec?.containers ?? [];

    expect(container).not.toHaveProperty('command');
    expect(container).not.toHaveProperty('args');
  }
});

test('a replica may take its drain after it went on answering, and five seconds more', () => {
  const { stored } = makeShop({ service: { drain: '1500ms' }, environment: { preStop: '25s' } });

  const { spec } = templateOf(stored, undefined);

  expect(spec?.terminationGracePeriodSeconds).toBe(25 + 7);
  expect(spec?.containers[0]?.lifecycle).toEqual({ preStop: { sleep: { seconds: 25 } } });
});

test('without a time to go on answering there is no preStop, which Kubernetes before 1.33 refuses for 0 s', () => {
  const { stored } = makeShop({ environment: { preStop: '0s' } });

  expect(templateOf(stored, undefined).spec?.containers[0]).not.toHaveProperty('lifecycle');
});

test('the start is asked at the first declared path, readiness where the config says', () => {
  const { stored } = makeShop({
    service: { paths: ['/health', '/'], probes: { ready: '/readyz', live: '/livez', timeout: '2s' } },
  });

  const [container] = templateOf(stored, undefined).spec?.containers ?? [];

  expect(container?.startupProbe).toMatchObject({ httpGet: { path: '/health' }, failureThreshold: 600 });
  expect(container?.readinessProbe).toMatchObject({ httpGet: { path: '/readyz' }, timeoutSeconds: 2 });
  expect(container?.livenessProbe).toMatchObject({ httpGet: { path: '/livez' }, periodSeconds: 10 });
});

test('settings are named by their content, and nobody changes them', () => {
  const one = makeShop({ service: { env: { COLOUR: 'red' } } });
  const other = makeShop({ service: { env: { COLOUR: 'blue' } } });

  const map = settingsMapOf(one.place, one.stored);

  expect(map).toMatchObject({ immutable: true, metadata: { name: one.stored.settings.name } });
  expect(map.data).toEqual({
    DRAIN_SECONDS: '2',
    SHUTDOWN_DEADLINE_SECONDS: '30',
    RELEASE: one.release.id.slice(0, 7),
    COLOUR: 'red',
    PORT: '8080',
    HOST: '0.0.0.0',
  });
  expect(one.stored.settings.name).not.toBe(other.stored.settings.name);
});
