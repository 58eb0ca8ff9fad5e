import { expect, test } from 'bun:test';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { ILease } from 'kubernetes-models/coordination.k8s.io/v1';
import { UnreachableError } from '../../core/errors.ts';
import { FakeApi } from '../api/fake-api.ts';
import { kinds } from '../api/kinds.ts';
import type { Place } from '../manifests/names.ts';
import { askToGiveUp, takeLease, whoHolds } from './lease.ts';
import { makeIdentity } from './lease-holder.ts';

const place: Place = { project: 'shop', environment: 'staging', namespace: 'shop-staging' };
const signal = new AbortController().signal;
const fast = { renewMs: 10, lookMs: 5, staleMs: 300 };

function take(api: FakeApi, by = 'ada', options: Partial<typeof fast> = {}) {
  return takeLease({ api, place, signal, holder: { by, purpose: 'deploy 9f3c2a1' }, ...fast, ...options });
}

/** A lease that somebody of another machine holds and does not renew. */
interface Left {
  readonly host?: string;
  readonly pid?: number;
  readonly space?: string;
  readonly renewTime?: string;
}

function left(
  api: FakeApi,
  { host = 'elsewhere', pid = 1, space = 'abc', renewTime = '2020-01-01T00:00:00.000000Z' }: Left = {},
) {
  return api.put<ILease>({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'shop-state', annotations: { 'causeway.dev/purpose': 'deploy 1111111' } },
    spec: {
      holderIdentity: `bob@${host}/${pid}/${space}/def`,
      leaseTransitions: 4,
      renewTime,
      acquireTime: renewTime,
    },
  });
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'none',
    (error: { code?: string }) => error.code,
  );
}

test('the token grows with each holder', async () => {
  const api = new FakeApi();

  const first = await take(api);
  await first.release();
  const second = await take(api);
  await second.release();

  expect([first.token, second.token]).toEqual([1, 2]);
});

test('one that is held and renewed is refused, with who and what for', async () => {
  const api = new FakeApi();
  const held = await take(api);

  const second = await take(api, 'bob').catch((error: unknown) => error);

  expect(second).toMatchObject({ code: 'rollout_running' });
  expect(String(second)).toContain(`deploy 9f3c2a1 by ada on ${hostname()}`);
  await held.check(signal);
  await held.release();
});

test('whoever renews by a clock that is minutes off is alive, ahead or behind', async () => {
  for (const minutes of [-30, 30]) {
    const api = new FakeApi();
    const lease = left(api);
    let renewed = 0;
    const renew = () => {
      renewed += 1;
      const renewTime = new Date(Date.now() + minutes * 60_000 + renewed).toISOString();
      const acquireTime = new Date(Date.parse(renewTime) - 90_000).toISOString();
      api.put<ILease>({ ...lease, spec: { ...lease.spec, acquireTime, renewTime } });
    };
    renew();
    const renewing = setInterval(renew, 20);

    const refused = await take(api).catch((error: unknown) => error);

    clearInterval(renewing);
    expect(refused).toMatchObject({
      code: 'rollout_running',
      message: 'deploy 1111111 by bob on elsewhere is under way on staging for 90 s',
    });
  }
});

test('one that stands still is taken over, and who held it can do no more', async () => {
  const api = new FakeApi();
  const stalled = await take(api, 'ada', { renewMs: 60_000 });

  const next = await take(api, 'bob', { staleMs: 60 });

  expect(next.token).toBe(stalled.token + 1);
  expect(await codeOf(stalled.check(signal))).toBe('lock_lost');
  expect(stalled.lost.aborted).toBe(true);
  await stalled.release();
  expect((await whoHolds({ api, place, signal }))?.by).toBe('bob');
  await next.release();
});

test('a process of this machine that is gone is not waited for', async () => {
  const api = new FakeApi();
  const gone = Bun.spawn(['true']);
  await gone.exited;
  const [, , space = ''] = makeIdentity({ by: 'bob', purpose: 'deploy' }).split('@').at(-1)?.split('/') ?? [];
  left(api, { host: hostname(), pid: gone.pid, space });

  expect(await whoHolds({ api, place, signal })).toBeUndefined();
  const held = await take(api, 'ada', { lookMs: 60_000 });

  expect(held.token).toBe(5);
  await held.release();
});

test('while the API is away a holder is not called dead, and its lease is its own still', async () => {
  const api = new FakeApi();
  const held = await take(api);
  let isAway = false;
  api.before = () => {
    if (isAway)
      throw new UnreachableError({ code: 'environment_unreachable', message: 'refused', hint: 'wait' });
  };
  // As soon as the second one has seen that it is held.
  api.after = ({ verb }) => {
    if (verb === 'get') isAway = true;
  };

  const second = codeOf(take(api, 'bob'));
  await Bun.sleep(fast.staleMs + 100);
  const during = await codeOf(held.check(signal));
  api.after = () => undefined;
  isAway = false;

  expect(during).toBe('environment_unreachable');
  expect(await codeOf(held.check(signal))).toBe('none');
  expect(await second).toBe('rollout_running');
  expect(held.lost.aborted).toBe(false);
  await held.release();
});

test('a holder that lives is asked to give up, and is told why', async () => {
  const api = new FakeApi();
  const held = await take(api);

  expect(await askToGiveUp({ api, place, reason: 'taken out by bob', signal, ...fast })).toBe(true);

  expect([held.giveUp.aborted, held.giveUp.reason]).toEqual([true, 'taken out by bob']);
  await held.release();
});

test('nobody is asked to give up where nobody holds it any more', async () => {
  const api = new FakeApi();
  expect(await askToGiveUp({ api, place, reason: 'x', signal, ...fast })).toBe(false);
  left(api);
  expect(await askToGiveUp({ api, place, reason: 'x', signal, ...fast, staleMs: 40 })).toBe(false);

  const held = await take(api, 'ada', { staleMs: 40 });
  await held.check(signal);

  expect(held.giveUp.aborted).toBe(false);
  await held.release();
});

test('one that was released is renewed no more', async () => {
  const api = new FakeApi();
  const other = new FakeApi();
  const held = await take(api);
  const renewed = await take(other);
  await held.release();
  const calls = api.calls.length;
  const renewals = other.calls.length;

  while (other.calls.length < renewals + 3) await Bun.sleep(1);

  expect(api.calls.length).toBe(calls);
  await renewed.release();
  expect(api.all(kinds.lease)[0]?.spec?.holderIdentity).toBeUndefined();
});

test('renewing keeps no process from its end', async () => {
  const at = (file: string) => JSON.stringify(join(import.meta.dir, file));
  const program = `
    const { FakeApi } = await import(${at('../api/fake-api.ts')});
    const { takeLease } = await import(${at('lease.ts')});
    const place = ${JSON.stringify(place)};
    const holder = { by: 'ada', purpose: 'deploy' };
    await takeLease({ api: new FakeApi(), place, holder, signal: new AbortController().signal });
    console.log('held');`;
  const child = Bun.spawn([process.execPath, '-e', program], { stdout: 'pipe', stderr: 'inherit' });

  expect(await child.exited).toBe(0);
  expect(await new Response(child.stdout).text()).toBe('held\n');
});

test('a process of that number may live in a container, or on another machine of the same name', async () => {
  const api = new FakeApi();
  const gone = Bun.spawn(['true']);
  await gone.exited;
  left(api, { host: hostname(), pid: gone.pid, space: 'another' });

  expect(await whoHolds({ api, place, signal })).toMatchObject({ by: 'bob', host: hostname() });
});
