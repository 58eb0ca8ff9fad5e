// The front door beside a replica alone and beside nginx as a proxy; bench/run starts it
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Glob } from 'bun';
import shipped from '../causeway.config.ts';
import { makeProject } from '../e2e/local/project.ts';
import { groupThousands } from '../src/cli/terminal/count.ts';
import { findFreePort } from '../src/local/free-port.ts';
import { bars } from './bars.ts';
import { showPage } from './page.ts';
import { proxyConfig } from './peers/nginx.ts';
import { findPeerPrograms } from './peers/programs.ts';
import { makeOurs } from './peers/servers.ts';
import { treeOf } from './process-tree.ts';
import { isQuick } from './quick.ts';
import { median } from './sample.ts';
import { loadServer, moveToServersCore, type StartOptions, startServer } from './server.ts';
import { table } from './table.ts';

const repository = realpathSync(join(import.meta.dir, '..'));
const rounds = isQuick ? 1 : 3;
const seconds = isQuick ? 1 : 2;

/** A way that requests go; disposing of it takes it down. */
interface Way extends AsyncDisposable {
  readonly port: number;
  /** Every process that a request passes through. */
  readonly pids: () => readonly number[];
}

interface Measured {
  readonly perCpuSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const ways = [
  { name: 'one replica, directly', make: directly },
  { name: 'one behind Causeway’s front door', make: () => behindFrontDoor(1), isOurs: true },
  { name: 'one behind the runtime’s server and fetch', make: behindRuntime },
  { name: 'one behind nginx as a proxy', make: () => behindNginx(1) },
  { name: 'two behind Causeway’s front door', make: () => behindFrontDoor(2), isOurs: true },
  { name: 'two behind nginx as a proxy', make: () => behindNginx(2) },
] as const;

const scratch = mkdtempSync(join(realpathSync('/tmp'), 'cw-bench-'));
const programs = await findPeerPrograms();
const measured = ways.map((way) => ({ ...way, rounds: [] as Measured[] }));

try {
  for (let round = 0; round < rounds; round += 1) {
    for (const way of round % 2 === 0 ? measured : measured.toReversed()) {
      const one = await measure(way.make);
      way.rounds.push(one);
      console.error(
        `${way.name}: ${groupThousands(Math.round(one.perCpuSecond))} requests per CPU-second, p50 ${one.p50Ms} ms`,
      );
    }
  }
  show();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function measure(make: () => Promise<Way>): Promise<Measured> {
  await using way = await make();
  const load = { programs, port: way.port, pids: way.pids };
  await loadServer({ ...load, connections: 64, seconds: 1 });
  const { perCpuSecond } = await loadServer({ ...load, connections: 64, seconds });
  const { p50Ms, p99Ms } = await loadServer({ ...load, connections: 4, seconds: 1 });
  return { perCpuSecond, p50Ms, p99Ms };
}

async function directly(): Promise<Way> {
  const folder = mkdtempSync(join(scratch, 'replica-'));
  const server = (await makeOurs({ repository, folder })).withLog;
  const port = findFreePort();
  const { pid, end } = await startServer({ server, port, folder });
  return { port, pids: () => treeOf(pid), [Symbol.asyncDispose]: end };
}

async function behindFrontDoor(replicas: number): Promise<Way> {
  const files = Object.fromEntries(
    [...new Glob('src/**/*.ts').scanSync(join(repository, 'service'))].map((path) => [
      join('service', path),
      readFileSync(join(repository, 'service', path), 'utf8'),
    ]),
  );
  const { entry, paths, probes, env } = shipped.service;
  const project = await makeProject({
    service: { entry, paths, probes, env },
    environment: { bake: '100ms', replicas },
    files,
  });
  const { exitCode, stderr } = await project.causeway('up');
  if (exitCode !== 0) throw new Error(stderr);
  const running = project.processes();
  const pids = [...running.supervisors, ...running.replicas];
  for (const pid of pids) await moveToServersCore(pid);
  return {
    port: project.port,
    pids: () => pids,
    [Symbol.asyncDispose]: () => project[Symbol.asyncDispose](),
  };
}

/** What the front door would cost if it did nothing but pass requests on. */
async function behindRuntime(): Promise<Way> {
  const folder = mkdtempSync(join(scratch, 'runtime-'));
  const replica = await directly();
  const argv = [process.execPath, '--smol', join(import.meta.dir, 'peers', 'pass-on.mjs')];
  const env = { UPSTREAM: String(replica.port) };
  return behind([replica], { folder, port: findFreePort(), server: { name: 'the runtime', argv, env } });
}

async function behindNginx(count: number): Promise<Way> {
  const folder = mkdtempSync(join(scratch, 'nginx-'));
  const replicas: Way[] = [];
  while (replicas.length < count) replicas.push(await directly());
  const port = findFreePort();
  const config = proxyConfig({ port, upstreams: replicas.map((replica) => replica.port), connections: 64 });
  writeFileSync(join(folder, 'nginx.conf'), config);
  const argv = [programs.nginx, '-p', folder, '-c', join(folder, 'nginx.conf')];
  return behind(replicas, { folder, port, server: { name: 'nginx', argv, env: programs.env } });
}

async function behind(replicas: readonly Way[], proxy: StartOptions): Promise<Way> {
  const { pid, end } = await startServer(proxy);
  return {
    port: proxy.port,
    pids: () => [...treeOf(pid), ...replicas.flatMap((one) => one.pids())],
    async [Symbol.asyncDispose]() {
      await end();
      for (const one of replicas) await one[Symbol.asyncDispose]();
    },
  };
}

function show(): void {
  const of = (index: number, field: keyof Measured) =>
    median({ ms: (measured[index]?.rounds ?? []).map((one) => one[field]) });
  const share = (index: number) => (of(index, 'perCpuSecond') / of(0, 'perCpuSecond')).toFixed(2);
  const lines = measured.map(({ name }, index) => [
    name,
    groupThousands(Math.round(of(index, 'perCpuSecond'))),
    share(index),
    (1e6 / of(index, 'perCpuSecond')).toFixed(1),
    of(index, 'p50Ms').toFixed(2),
    of(index, 'p99Ms').toFixed(2),
  ]);
  const title = 'Requests per CPU-second of all processes on the way';
  showPage({
    name: 'front-door',
    title: 'The front door, measured',
    about: `The reference service with its log, on one core with all that stands before it, wrk on another, over loopback; medians of ${rounds} rounds. CPU time is that of every process that a request passes through; 64 kept connections, and for the latencies 4.`,
    repository,
    rows: [
      {
        what: 'front door and replica, requests per CPU-second, beside the replica alone',
        reach: '≥ 0.25 ×',
        measured: `${share(1)} ×`,
      },
      {
        what: 'the most that a proxy of this runtime’s server and fetch can reach',
        reach: '–',
        measured: `${share(2)} ×`,
      },
      { what: 'the same by nginx as a proxy', reach: '–', measured: `${share(3)} ×` },
      {
        what: 'front door and two replicas, the same',
        reach: '–',
        measured: `${share(4)} ×, and ${share(5)} × by nginx`,
      },
      { what: 'p50 through the front door', reach: '< 0.3 ms', measured: `${of(1, 'p50Ms').toFixed(2)} ms` },
    ],
    more: `![${title}](front-door.svg)\n\n${table(
      ['way', 'requests per CPU-s', 'of a replica', 'CPU µs each', 'p50 ms', 'p99 ms'],
      lines,
    )}\n\nWith two replicas a request costs more in every process, behind either proxy: each is woken as often, for half as many requests. What of the front door’s cost is the runtime’s own, the third way shows: its fetch hands each request to a thread of its own and back. What the front door does besides, and nginx does not, is in [decision 2](../decisions/0002-front-door.md).`,
    images: {
      'front-door.svg': bars({
        title,
        bars: measured.map((way, index) => ({
          label: way.name,
          value: of(index, 'perCpuSecond'),
          isOurs: 'isOurs' in way,
        })),
        show: (value) => groupThousands(Math.round(value)),
      }),
    },
  });
}
