import { expect, test } from 'bun:test';
import { kinds } from './api/kinds.ts';
import { fakeServed } from './fake-served.ts';
import { namesOf } from './manifests/names.ts';
import { rollBack } from './rollback.ts';

const { signal } = new AbortController();

async function serve() {
  const served = await fakeServed();
  const parts = { sayAgent: () => undefined, emit: () => undefined, trace: () => undefined, signal };
  return {
    ...served,
    back: (to?: string) => rollBack({ ...served, ...parts, request: { by: 'ada', ...(to ? { to } : {}) } }),
  };
}

test('with no other good release there is nothing to return to', async () => {
  const { back } = await serve();

  await expect(back()).rejects.toMatchObject({ code: 'nothing_to_roll_back' });
});

test('a release that never ran there is refused', async () => {
  const { back } = await serve();

  await expect(back('9f3c2a1')).rejects.toMatchObject({ code: 'release_not_found' });
});

test('an environment that is not up is refused', async () => {
  const { api, place, back } = await serve();
  await api.remove(kinds.configMap, namesOf(place).state, { signal });

  await expect(back()).rejects.toMatchObject({ code: 'environment_missing', message: 'staging is not up' });
});
