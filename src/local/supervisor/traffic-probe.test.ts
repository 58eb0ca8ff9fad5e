import { afterEach, describe, expect, test } from 'bun:test';
import { makeRelease } from '../../core/release.ts';
import { fakeSettings, until } from '../fake-state.ts';
import { findFreePort } from '../free-port.ts';
import { Tally } from './tally.ts';
import { type Probed, TrafficProbe } from './traffic-probe.ts';

const opened: { readonly close: () => unknown }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

describe('while it runs', () => {
  test('it asks the front door and the replica itself', async () => {
    const front = serve(() => new Response('ok'));
    const replica = probed(serve(() => new Response('ok')));
    start(front, [replica]);

    await until('it has asked', () => front.paths.length >= 3 && replica.probe.ok >= 3);

    expect(replica.probe).toMatchObject({ errors: 0, late: 0, lost: 0 });
    expect(replica.probe.latencyBuckets.reduce((sum, n) => sum + n, 0)).toBe(replica.probe.ok);
  });

  for (const count of [1, 2, 3])
    test(`every one of ${count} replicas is asked for every declared path, on kept and on new connections`, async () => {
      const paths = ['/', '/b'];
      const replicas = Array.from({ length: count }, () =>
        probed(
          serve(() => new Response('ok')),
          { paths },
        ),
      );
      const front = serve(() => new Response('ok'));
      start(front, replicas);

      await until('each was asked for a while', () =>
        replicas.every(({ server }) => server.paths.length >= 8),
      );

      for (const { server } of replicas) expect(new Set(server.paths)).toEqual(new Set(paths));
      for (const path of paths) {
        const kinds = front.connections.filter((_, index) => front.paths[index] === path);
        expect(new Set(kinds)).toEqual(new Set(['keep-alive', '']));
      }
    });

  test('a bad answer of a replica is its error, a redirect is not, and is not followed', async () => {
    const bad = probed(serve(() => new Response('', { status: 500 })));
    const away = probed(serve(() => Response.redirect('http://127.0.0.1:9/')));
    start(
      serve(() => new Response('ok')),
      [bad, away],
    );

    await until('both were asked', () => bad.probe.errors > 1 && away.probe.ok > 1);

    expect(bad.probe).toMatchObject({ ok: 0, late: 0, lost: 0 });
    expect(away.probe).toMatchObject({ errors: 0, late: 0, lost: 0 });
  });

  test('a replica that does not answer in time is late, and it shows since when it waits', async () => {
    const hangs = probed(
      serve(() => new Promise<Response>(() => undefined)),
      { timeoutMs: 150 },
    );
    const before = Date.now();
    start(
      serve(() => new Response('ok')),
      [hangs],
    );

    await until('it waits', () => hangs.probe.waiting.size > 0);
    const { waitingSince = 0 } = hangs.probe.toCount({ source: 'probe' });
    await until('it is late', () => hangs.probe.late > 0);

    expect(waitingSince).toBeGreaterThanOrEqual(before);
    expect(hangs.probe.errors).toBe(hangs.probe.late);
    expect(hangs.inFlight).toBe(hangs.probe.waiting.size);
  });

  test('a replica that refuses has erred, and one that we cut has lost', async () => {
    const gone = probed({ port: findFreePort(), paths: [], connections: [] });
    const cut = probed({ port: findFreePort(), paths: [], connections: [] }, { wasCut: true });
    start(
      serve(() => new Response('ok')),
      [gone, cut],
    );

    await until('both were asked', () => gone.probe.errors > 0 && cut.probe.lost > 0);

    expect(gone.probe).toMatchObject({ ok: 0, late: 0, lost: 0 });
    expect(cut.probe).toMatchObject({ ok: 0, late: 0, errors: 0 });
  });

  test('a front door that is closed is a loss of nobody’s in particular', async () => {
    const replica = probed(serve(() => new Response('ok')));
    const probe = start({ port: findFreePort(), paths: [], connections: [] }, [replica]);

    await until('it was asked', () => probe.unreached.lost > 0);

    expect(probe.unreached).toMatchObject({ ok: 0, errors: 0 });
    expect(replica.probe).toMatchObject({ errors: 0, lost: 0 });
  });

  test('a bad answer of the front door is not counted again: it was counted there', async () => {
    const front = serve(() => new Response('', { status: 503 }));
    const replica = probed(serve(() => new Response('ok')));
    const probe = start(front, [replica]);

    await until('it has asked', () => front.paths.length >= 3);

    expect(probe.unreached).toMatchObject({ ok: 0, errors: 0, lost: 0 });
  });

  test('with no replica nobody is asked', async () => {
    const front = serve(() => new Response('ok'));
    const replica = probed(serve(() => new Response('ok')));
    const replicas: Probed[] = [];
    let turns = 0;
    const routable = () => {
      turns += 1;
      return replicas;
    };
    start(front, routable);

    await until('it ran for a while', () => turns >= 3);
    const before = front.paths.length;
    replicas.push(replica);
    await until('it asks', () => front.paths.length > 0);

    expect(before).toBe(0);
  });
});

test('when it is stopped it asks no more, and nothing is left in flight', async () => {
  const front = serve(() => new Response('ok'));
  const replica = probed(serve(() => new Response('ok')));
  const probe = start(front, [replica]);
  const other = probed(serve(() => new Response('ok')));
  start(front, [other]);
  await until('it has asked', () => replica.probe.ok > 0);

  probe.stop();
  await until('all is answered', () => replica.inFlight === 0);
  const asked = replica.server.paths.length;
  const otherAsked = other.server.paths.length;
  await until('one that runs has asked on', () => other.server.paths.length >= otherAsked + 3);

  expect(replica.server.paths.length).toBe(asked);
});

test('when it is started again it counts from zero, and runs once', async () => {
  const probe = start({ port: findFreePort(), paths: [], connections: [] }, [
    probed(serve(() => new Response('ok'))),
  ]);
  await until('something is lost', () => probe.unreached.lost > 0);

  probe.start();
  const { lost } = probe.unreached;
  probe.stop();

  expect(lost).toBe(0);
});

interface FakeServer {
  readonly port: number;
  readonly paths: string[];
  readonly connections: string[];
}

function serve(answer: () => Response | Promise<Response>): FakeServer {
  const paths: string[] = [];
  const connections: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request) => {
      paths.push(new URL(request.url).pathname);
      connections.push(request.headers.get('connection') ?? '');
      return answer();
    },
  });
  opened.push({ close: () => server.stop(true) });
  return { port: server.port ?? 0, paths, connections };
}

function probed(server: FakeServer, { paths = ['/'], timeoutMs = 5_000, wasCut = false } = {}) {
  const settings = fakeSettings({ paths, probes: { timeoutMs } });
  return {
    server,
    running: { release: makeRelease({ artifact: 'sha256:a', command: [], settings }) },
    probe: new Tally(),
    wasCut,
    inFlight: 0,
    forwardAnew: (path: string, init: BunFetchRequestInit) =>
      fetch(`http://127.0.0.1:${server.port}${path}`, init),
    noteCut: () => undefined,
    begin() {
      this.inFlight += 1;
    },
    finish() {
      this.inFlight -= 1;
    },
  };
}

function start(front: FakeServer, replicas: readonly Probed[] | (() => readonly Probed[])): TrafficProbe {
  const routable = typeof replicas === 'function' ? replicas : () => replicas;
  const probe = new TrafficProbe({ front, routable });
  probe.start();
  opened.push({ close: () => probe.stop() });
  return probe;
}
