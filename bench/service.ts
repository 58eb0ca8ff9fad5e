// The service beside what a user would pick instead, in turn on one core; bench/run starts it
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { groupThousands } from '../src/cli/terminal/count.ts';
import { findFreePort } from '../src/local/free-port.ts';
import { bars } from './bars.ts';
import { type Row, showPage } from './page.ts';
import { findPeerPrograms } from './peers/programs.ts';
import { makeServers, names } from './peers/servers.ts';
import { memoryOf, treeOf } from './process-tree.ts';
import { isQuick } from './quick.ts';
import { median, sample, showSample } from './sample.ts';
import { loadServer, type Server, startServer } from './server.ts';
import { table } from './table.ts';

const repository = realpathSync(join(import.meta.dir, '..'));
const rounds = isQuick ? 1 : 3;
const seconds = isQuick ? 1 : 2;

const folder = mkdtempSync(join(realpathSync('/tmp'), 'cw-bench-'));
const programs = await findPeerPrograms();
const port = findFreePort();
const compared = await makeServers({ repository, folder, programs, port });

interface Measured {
  readonly perCpuSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly startMs: number;
  readonly idle: number;
  readonly loaded: number;
  readonly own: number;
}
type Kind = 'withLog' | 'withoutLog';
const kinds = ['withLog', 'withoutLog'] as const;
const measured = new Map<string, Measured[]>();

try {
  for (let round = 0; round < rounds; round += 1) {
    // There and back, so that what grows hot or busy meanwhile meets each alike.
    for (const one of round % 2 === 0 ? compared : compared.toReversed()) {
      for (const kind of kinds) {
        const server = one[kind];
        if (server) note(one.name, kind, await measure(server));
      }
    }
  }
  const starts = await measureStarts();
  show(starts);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(server: Server): Promise<Measured> {
  const { pid, startMs, end } = await startServer({ server, port, folder });
  try {
    await Bun.sleep(300);
    const idle = memoryOf(treeOf(pid)).resident;
    const load = { programs, port, pids: () => treeOf(pid) };
    await loadServer({ ...load, connections: 64, seconds: 1 });
    const { perCpuSecond } = await loadServer({ ...load, connections: 64, seconds });
    const { resident: loaded, own } = memoryOf(treeOf(pid));
    const { p50Ms, p99Ms } = await loadServer({ ...load, connections: 4, seconds: 1 });
    return { perCpuSecond, p50Ms, p99Ms, startMs, idle, loaded, own };
  } finally {
    await end();
  }
}

async function measureStarts() {
  const ours = compared.find(({ name }) => name === names.ours)?.withLog;
  if (!ours) throw new Error('there is no service');
  return sample(isQuick ? 3 : 10, async () => {
    const { startMs, end } = await startServer({ server: ours, port, folder });
    await end();
    return startMs;
  });
}

function note(name: string, kind: Kind, one: Measured): void {
  const key = `${name} ${kind}`;
  measured.set(key, [...(measured.get(key) ?? []), one]);
  console.error(
    `${key}: ${groupThousands(Math.round(one.perCpuSecond))} requests per CPU-second, ${megabytes(one.loaded)}`,
  );
}

function of(name: string, kind: Kind, field: keyof Measured): number {
  return median({ ms: (measured.get(`${name} ${kind}`) ?? []).map((one) => one[field]) });
}

function show(starts: Awaited<ReturnType<typeof sample>>): void {
  const ratio = (kind: Kind, other: string) =>
    of(names.ours, kind, 'perCpuSecond') / of(other, kind, 'perCpuSecond');
  const rows: Row[] = [
    {
      what: 'requests per CPU-second, with log and metrics, beside Flask on gunicorn with its log',
      reach: '≥ 20 ×',
      measured: `${ratio('withLog', names.flask).toFixed(1)} ×`,
    },
    {
      what: 'the same beside nginx with a static answer and its log',
      reach: '≥ 0.75 ×',
      measured: `${ratio('withLog', names.nginx).toFixed(2)} ×`,
    },
    {
      what: 'the same, both without a log',
      reach: '–',
      measured: `${ratio('withoutLog', names.nginx).toFixed(2)} ×`,
    },
    {
      what: 'resident memory of a replica under load; of that its own, the rest is the runtime’s code, which replicas share',
      reach: '≤ 45 MiB',
      measured: `${megabytes(of(names.ours, 'withLog', 'loaded'))}; ${megabytes(of(names.ours, 'withLog', 'own'))}`,
    },
    { what: 'start → first 200', reach: '< 60 ms', measured: showSample(starts) },
  ];
  const present = (kind: Kind) => compared.filter((one) => one[kind]).map(({ name }) => name);
  const lines = compared.flatMap(({ name }) =>
    kinds
      .filter((kind) => measured.has(`${name} ${kind}`))
      .map((kind) => {
        const get = (field: keyof Measured) => of(name, kind, field);
        return [
          name,
          kind === 'withLog' ? 'yes' : 'no',
          groupThousands(Math.round(get('perCpuSecond'))),
          `${(get('perCpuSecond') / of(names.flask, kind, 'perCpuSecond')).toFixed(1)} ×`,
          `${(get('perCpuSecond') / of(names.nginx, kind, 'perCpuSecond')).toFixed(2)} ×`,
          get('p50Ms').toFixed(2),
          get('p99Ms').toFixed(2),
          `${megabytes(get('idle'))} / ${megabytes(get('loaded'))}`,
          get('startMs').toFixed(0),
        ];
      }),
  );
  const head = [
    'server',
    'log',
    'requests per CPU-s',
    '÷ Flask',
    '÷ nginx',
    'p50 ms',
    'p99 ms',
    'idle / loaded',
    'start ms',
  ];
  showPage({
    name: 'service',
    title: 'The service, measured',
    about: `Servers in turn on one core, wrk on another, over loopback; medians of ${rounds} rounds. CPU time is that of the server’s processes, whoever else works on the machine; 64 kept connections, and for the latencies 4. What the service adds to Bun.serve is its metrics, its limits, its way out and, with a log, a JSON line a request. nginx’s timestamp stands still.`,
    repository,
    rows,
    more: `![Requests per CPU-second, with an access log](service.svg)\n\n${table(head, lines)}\n\nMemory is resident memory over all processes of a server. Of the loggers, Hono’s writes two lines a request and the others one.\n\nWhat keeps the service from nginx, side by side under one load: Bun.serve alone takes a third more CPU for a request than nginx (8.6 µs beside 6.5), the metrics 0.2 µs, the log line 0.8 µs, and to look for a \`traceparent\` 0.9 µs, because the runtime makes an object of all headers when one is asked for.`,
    images: {
      'service.svg': bars({
        title: 'GET / with an access log, requests per CPU-second',
        bars: present('withLog').map((name) => ({
          label: name,
          value: of(name, 'withLog', 'perCpuSecond'),
          isOurs: name === names.ours,
        })),
        show: (value) => groupThousands(Math.round(value)),
      }),
    },
  });
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
