import { afterEach, describe, expect, test } from 'bun:test';
import type { AgentReport } from '../src/kubernetes/agent/report.ts';
import { until } from '../src/kubernetes/until.ts';
import { userAgent } from './caller.ts';
import { type LabelledPod, Probe } from './probe.ts';

const opened: { readonly close: () => unknown }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

type Handler = (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response>;

const ok: Handler = () => new Response('ok');
const error: Handler = () => new Response('', { status: 500 });
const missing: Handler = () => new Response('', { status: 404 });
const hang: Handler = () => new Promise<Response>(() => undefined);

describe('each replica', () => {
  test('is asked for every declared path, on kept and on new connections, by a name that logs can tell', async () => {
    const one = serve(ok);
    const two = serve(ok);
    const probe = start({ stable: one, candidate: two, paths: ['/', '/b'] });

    await until('both were asked for a while', () => one.seen.length >= 12 && two.seen.length >= 12);

    for (const { seen } of [one, two]) {
      for (const path of ['/', '/b']) {
        const kinds = seen.filter((request) => request.path === path).map(({ connection }) => connection);
        expect(new Set(kinds)).toEqual(new Set(['', 'close']));
      }
      expect(new Set(seen.map(({ agent }) => agent))).toEqual(new Set([userAgent]));
    }
    const report = probe.report();
    expect(of(report, 'stable')).toMatchObject({ rejected: 0, failed: 0, refused: 0, cut: 0, late: 0 });
    const answers = of(report, 'stable').latency.reduce((sum, [, count]) => sum + count, 0);
    expect(answers).toBe(of(report, 'stable').ok);
  });

  test('has its own errors, by cause', async () => {
    const good = serve(ok);
    const bad = serve((request, server) =>
      (new URL(request.url).pathname === '/b' ? error : missing)(request, server),
    );
    const probe = start({ stable: good, candidate: bad, paths: ['/', '/b'] });

    await until('it has erred', () => of(probe.report(), 'candidate').failed > 2);

    const { ok: answered, rejected } = of(probe.report(), 'candidate');
    expect(answered).toBe(0);
    expect(rejected).toBeGreaterThan(0);
    const { faults = [], failed } = of(probe.report(), 'candidate');
    expect(faults.toSorted()).toEqual([
      ['/', 404, expect.any(Number)],
      ['/b', 500, failed],
    ]);
    expect(of(probe.report(), 'stable').faults).toBeUndefined();
    expect(of(probe.report(), 'stable')).toMatchObject({ rejected: 0, failed: 0 });
  });

  test('that hangs is late, and it is told for how long it is awaited', async () => {
    const probe = start({ stable: serve(ok), candidate: serve(hang), timeoutMs: 300 });

    await until('it waits', () => (of(probe.report(), 'candidate').waitingMs ?? 0) > 100);
    await until('it is late', () => of(probe.report(), 'candidate').late > 2);

    expect(of(probe.report(), 'candidate')).toMatchObject({ ok: 0, lost: 0 });
  });

  test('that ended is refused', async () => {
    const bad = serve(ok);
    const probe = start({ stable: serve(ok), candidate: bad });
    await until('it was asked', () => bad.seen.length > 2);

    await bad.stop();

    await until('it is refused', () => of(probe.report(), 'candidate').refused > 0);
  });

  test('is not asked while it is not ready, nor when its release is none of the setup’s', async () => {
    const one = serve(ok);
    const unready = serve(ok);
    const other = serve(ok);
    const probe = start({ stable: one, candidate: unready });
    probe.seen(pod({ name: 'candidate', release: 'candidate', isReady: false }));
    const before = unready.seen.length;
    probe.seen(pod({ name: 'third', release: 'third' }));

    await until('the other was asked', () => one.seen.length > 6);

    expect(unready.seen.length - before).toBeLessThanOrEqual(1);
    expect(other.seen).toEqual([]);
    expect(probe.report().replicas.map(({ name }) => name)).toEqual(['stable', 'candidate']);
  });
});

describe('a replica that leaves', () => {
  test('goes on being asked on its kept connection, and on no new one', async () => {
    const leaving = serve(ok);
    const probe = start({ stable: serve(ok), candidate: leaving });
    await until('it was asked', () => leaving.seen.length > 3);

    probe.seen(pod({ name: 'candidate', release: 'candidate', isLeaving: true }));
    await until('what was under way has ended', () => true);
    const before = leaving.seen.length;
    await until('it was asked again', () => leaving.seen.length > before + 3);

    const after = leaving.seen.slice(before + 1);
    expect(new Set(after.map(({ connection }) => connection))).toEqual(new Set(['']));
  });

  test('and then closes its door has made no error, and lost nothing', async () => {
    const leaving = serve(ok);
    const probe = start({ stable: serve(ok), candidate: leaving });
    await until('it was asked', () => of(probe.report(), 'candidate').ok > 3);

    probe.seen(pod({ name: 'candidate', release: 'candidate', isLeaving: true }));
    await leaving.stop();
    const { ok: before } = of(probe.report(), 'stable');
    await until('the other was asked for a while', () => of(probe.report(), 'stable').ok > before + 40);

    expect(of(probe.report(), 'candidate')).toMatchObject({ refused: 0, cut: 0, late: 0, lost: 0 });
  });

  test('has lost the request that it took and did not answer, if it was well', async () => {
    let isHanging = false;
    const leaving = serve((request, server) => (isHanging ? hang : ok)(request, server));
    const probe = start({ stable: serve(ok), candidate: leaving, timeoutMs: 400 });
    await until('it was asked', () => of(probe.report(), 'candidate').ok > 3);

    isHanging = true;
    probe.seen(pod({ name: 'candidate', release: 'candidate', isLeaving: true }));

    await until('it is lost', () => of(probe.report(), 'candidate').lost > 0);
    expect(of(probe.report(), 'candidate').late).toBe(0);
  });

  test('has erred, where another of its release hangs as well', async () => {
    let isHanging = false;
    const leaving = serve((request, server) => (isHanging ? hang : ok)(request, server));
    const probe = start({ stable: serve(ok), candidate: leaving, timeoutMs: 300 });
    await until('it was asked', () => of(probe.report(), 'candidate').ok > 3);
    probe.seen(pod({ name: 'second', release: 'candidate', restarts: 0 }));
    probe.seen(pod({ name: 'second', release: 'candidate', restarts: 1 }));

    isHanging = true;
    probe.seen(pod({ name: 'candidate', release: 'candidate', isLeaving: true }));

    await until('it is late', () => of(probe.report(), 'candidate').late > 0);
    expect(of(probe.report(), 'candidate').lost).toBe(0);
  });

  test('has erred as before, if it was not well', async () => {
    const probe = start({ stable: serve(ok), candidate: serve(hang), timeoutMs: 200 });
    await until('it is late', () => of(probe.report(), 'candidate').late > 0);

    probe.seen(pod({ name: 'candidate', release: 'candidate', isLeaving: true }));
    const { late } = of(probe.report(), 'candidate');

    await until('it is late again', () => of(probe.report(), 'candidate').late > late);
    expect(of(probe.report(), 'candidate').lost).toBe(0);
  });
});

describe('through the Service', () => {
  test('what is answered is counted, and a 5xx is an error', async () => {
    let count = 0;
    const service = serve((request, server) => (++count % 4 === 0 ? error : ok)(request, server));
    const probe = start({ stable: serve(ok), candidate: serve(ok), service });

    await until('it has seen both', () => probe.report().service.ok > 6);

    const { errors, lost } = probe.report().service;
    expect(errors).toBeGreaterThan(0);
    expect(lost).toBe(0);
  });

  test('what is refused while every replica is well is lost, and told', async () => {
    const service = serve(ok);
    const probe = start({ stable: serve(ok), candidate: serve(ok), service });
    await until('it was asked', () => service.seen.length > 3);

    await service.stop();
    await until('it is counted', () => failures(probe) > 0);

    expect(probe.report().service.errors).toBe(0);
    expect(probe.report().service.losses?.[0]).toContain('refused');
  });

  test('what is refused while a replica is gone is an error, and not lost', async () => {
    const service = serve(ok);
    const candidate = serve(ok);
    const probe = start({ stable: serve(ok), candidate, service });
    await until('all were asked', () => candidate.seen.length > 3 && service.seen.length > 3);

    await Promise.all([candidate.stop(), service.stop()]);

    await until('it is counted', () => failures(probe) > 0);
    expect(probe.report().service.lost).toBe(0);
  });

  test('what is refused while somebody has deleted the Service is an error, and not lost', async () => {
    const service = serve(ok);
    const probe = start({ stable: serve(ok), candidate: serve(ok), service });
    await until('it was asked', () => service.seen.length > 3);

    probe.seeService(true);
    await service.stop();
    probe.seeService(false);
    probe.seeService(true);

    await until('it is counted', () => failures(probe) > 0);
    expect(probe.report().service.lost).toBe(0);
  });

  test('what is refused when a replica’s container was started anew is an error', async () => {
    const service = serve(ok);
    const probe = start({ stable: serve(ok), candidate: serve(ok), service });
    await until('it was asked', () => service.seen.length > 3);

    await service.stop();
    probe.seen(pod({ name: 'candidate', release: 'candidate', restarts: 1 }));

    await until('it is counted', () => failures(probe) > 0);
    expect(probe.report().service.lost).toBe(0);
  });

  test('what is refused while a replica leaves that was in trouble, however long ago, is an error', async () => {
    const service = serve(ok);
    const probe = start({ stable: serve(ok), candidate: serve(ok), service, beforeMs: 0 });
    await until('it was asked', () => service.seen.length > 3);
    probe.seen(pod({ name: 'candidate', release: 'candidate', restarts: 1 }));
    const before = service.seen.length;
    await until('what was under way then has ended', () => service.seen.length > before + 8);

    probe.seen(pod({ name: 'candidate', release: 'candidate', restarts: 1, isLeaving: true }));
    await service.stop();

    await until('it is counted', () => failures(probe) > 0);
    expect(probe.report().service.lost).toBe(0);
  });

  test('nobody is asked while no replica is ready', async () => {
    const service = serve(ok);
    const probe = new Probe({ setup: setupOf({ stable: serve(ok), candidate: serve(ok), service }) });
    opened.push({ close: () => probe.stop() });
    probe.start();
    probe.list([pod({ name: 'stable', release: 'stable', isReady: false })]);

    const other = serve(ok);
    start({ stable: serve(ok), candidate: serve(ok), service: other });
    await until('another probe, begun later, has asked its own', () => other.seen.length > 6);

    expect(service.seen).toEqual([]);
  });
});

test('with many replicas each is asked three times a second', async () => {
  const replica = serve(ok);
  const probe = start({ stable: replica, candidate: serve(ok) });
  const names = Array.from({ length: 60 }, (_, n) => `r${n}`);

  probe.list(names.map((name) => pod({ name, release: 'stable' })));

  await until('each was asked twice', () => {
    const { replicas } = probe.report();
    return names.every((name) => (replicas.find((one) => one.name === name)?.ok ?? 0) > 1);
  });
  expect(of(probe.report(), 'r0').ok).toBeLessThan(40);
});

interface FakeServer {
  readonly port: number;
  readonly seen: { readonly path: string; readonly connection: string; readonly agent: string }[];
  readonly stop: () => Promise<void>;
}

function serve(answer: Handler): FakeServer {
  const seen: FakeServer['seen'] = [];
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request, self) => {
      const { headers, url } = request;
      const connection = headers.get('connection') ?? '';
      seen.push({ path: new URL(url).pathname, connection, agent: headers.get('user-agent') ?? '' });
      return answer(request, self);
    },
  });
  const stop = () => server.stop(true);
  opened.push({ close: stop });
  return { port: server.port ?? 0, seen, stop };
}

interface Started {
  readonly stable: FakeServer;
  readonly candidate: FakeServer;
  readonly service?: FakeServer;
  readonly paths?: string[];
  readonly timeoutMs?: number;
  readonly beforeMs?: number;
}

function setupOf({ stable, candidate, service = stable, paths = ['/'], timeoutMs = 2_000 }: Started) {
  return {
    rollout: 'r1',
    service: { host: '127.0.0.1', port: service.port },
    running: [
      { release: 'stable', port: stable.port, paths, timeoutMs },
      { release: 'candidate', port: candidate.port, paths, timeoutMs },
    ],
  };
}

function start(started: Started): Probe {
  const service = started.service ?? serve(ok);
  const { beforeMs } = started;
  const probe = new Probe({
    setup: setupOf({ ...started, service }),
    settleMs: 800,
    ...(beforeMs === undefined ? {} : { beforeMs }),
  });
  probe.list(['stable', 'candidate'].map((name) => pod({ name, release: name })));
  probe.start();
  opened.push({ close: () => probe.stop() });
  return probe;
}

function pod(state: Partial<LabelledPod> & Pick<LabelledPod, 'name' | 'release'>): LabelledPod {
  return {
    uid: state.name,
    address: '127.0.0.1',
    isReady: true,
    isLeaving: false,
    restarts: 0,
    hasFailed: false,
    ...state,
  };
}

function of({ replicas }: AgentReport, name: string) {
  const found = replicas.find((one) => one.name === name);
  if (!found) throw new Error(`${name} is not in the report`);
  return found;
}

/** What failed through the Service, whosever it was. */
function failures(probe: Probe): number {
  const { errors, lost } = probe.report().service;
  return errors + lost;
}
