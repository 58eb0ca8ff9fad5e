import { expect, test } from 'bun:test';
import type { Status } from '../core/environment.ts';
import type { RolloutEvent } from '../core/event.ts';
import { kinds } from './api/kinds.ts';
import { deployRelease } from './deploy.ts';
import { edit, fakeServed } from './fake-served.ts';
import type { ShopParts } from './manifests/fixtures.ts';
import { namesOf } from './manifests/names.ts';

const { signal } = new AbortController();
const well: Status = { environment: 'staging', target: 'kubernetes', state: 'serving', running: [] };

/** A release that serves, and the command that deploys it. */
async function serve(parts: ShopParts = {}, { status = well } = {}) {
  const served = await fakeServed(parts);
  const events: RolloutEvent[] = [];
  const request = {
    release: served.release,
    pullFrom: 'registry.example.com/shop',
    secrets: {},
    by: 'ada',
    isAgain: false,
  };
  const deploy = () =>
    deployRelease({
      ...served,
      request,
      differed: undefined,
      status: async () => status,
      sayAgent: () => undefined,
      emit: (event) => events.push(event),
      trace: () => undefined,
      signal,
    });
  return { ...served, events, deploy };
}

test('a release that serves, as it shall, is left as it is', async () => {
  const { api, events, deploy } = await serve();
  const before = api.all(kinds.deployment)[0]?.spec;

  expect(await deploy()).toEqual({ kind: 'unchanged' });

  expect(api.all(kinds.deployment)[0]?.spec).toEqual(before);
  expect(events.map(({ kind }) => kind)).not.toContain('mended');
});

test('what somebody changed of it is put right and told, and so is what deploy does not make', async () => {
  const { api, events, deploy } = await serve();
  edit(api, api.all(kinds.deployment)[0], ({ spec }) => {
    spec.replicas = 5;
  });
  edit(api, api.all(kinds.networkPolicy)[0], ({ spec }) => {
    spec.ingress.push({});
  });

  await deploy();

  expect(api.all(kinds.deployment)[0]?.spec?.replicas).toBe(2);
  expect(events).toContainEqual({
    kind: 'mended',
    differences: [{ object: 'Deployment/shop', field: 'spec.replicas', wanted: 2, found: 5 }],
  });
  expect(events).toContainEqual({
    kind: 'noted',
    notes: [
      {
        isProblem: false,
        message: 'left as it differs: NetworkPolicy/shop',
        hint: 'causeway drift staging shows how, causeway up staging puts it right',
      },
    ],
  });
});

test('a release that serves and does not get well in the time of a start fails the command', async () => {
  const status = { ...well, state: 'degraded', because: '1 of 2 replicas is ready' } as const;
  const { deploy } = await serve({ environment: { deadlines: { start: '1ms' } } }, { status });

  await expect(deploy()).rejects.toMatchObject({
    code: 'environment_degraded',
    message: 'staging is degraded: 1 of 2 replicas is ready',
  });
});

test('an environment that is not up is refused, and nothing is written', async () => {
  const { api, place, deploy } = await serve();
  await api.remove(kinds.configMap, namesOf(place).state, { signal });
  api.calls.length = 0;

  await expect(deploy()).rejects.toMatchObject({
    code: 'environment_missing',
    message: 'staging is not up',
    hint: 'causeway up staging',
  });

  expect(api.calls.filter(({ verb }) => !['get', 'list'].includes(verb))).toEqual([]);
});
