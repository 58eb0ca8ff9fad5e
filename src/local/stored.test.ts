import { afterEach, expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../core/config.ts';
import { birthOf } from './birth.ts';
import { type FakeState, makeState } from './fake-state.ts';
import { listStored, storeOrigin } from './stored.ts';

let state: FakeState | undefined;

afterEach(() => state?.[Symbol.dispose]());

test('an environment is found without its config, and says whether it runs', () => {
  const { env, root } = makeHome();
  const about = { project: 'shop', folder: '/gone', name: 'rehearsal', config: rehearsal };
  storeOrigin(root, about);
  const lock = { pid: process.pid, birth: birthOf(process.pid), port: 8093, socket: '/x/control.sock' };

  const before = listStored(env);
  writeFileSync(join(root, 'lock.json'), JSON.stringify(lock));
  const [after] = listStored(env);

  expect(before).toMatchObject([{ project: 'shop', folder: '/gone', name: 'rehearsal', isRunning: false }]);
  expect(after).toMatchObject({ isRunning: true, port: 8093 });
  expect(after?.config.environments).toEqual({ rehearsal });
});

test('what is damaged or not ours is passed over', () => {
  const { env, root } = makeHome();
  writeFileSync(join(root, 'origin.json'), '{"project":3}');

  expect(listStored(env)).toEqual([]);
  expect(listStored({ XDG_STATE_HOME: '/nowhere/at/all' })).toEqual([]);
});

const config = parseConfig(
  {
    project: 'shop',
    service: { entry: 'a.ts' },
    environments: { rehearsal: { target: 'local', port: 8093, bake: '1m' } },
  },
  'causeway.config.ts',
);
const rehearsal = config.environments.rehearsal as (typeof config.environments)[string];

function makeHome() {
  state = makeState();
  const home = join(state.paths.root, 'home');
  const root = join(home, 'causeway', 'shop-rehearsal-1');
  mkdirSync(root, { recursive: true });
  return { env: { XDG_STATE_HOME: home }, root };
}
