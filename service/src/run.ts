import { write, writeSync } from 'node:fs';
import { createAccessLog } from './access-log.ts';
import { systemClock } from './clock.ts';
import { type Config, readConfig } from './config.ts';
import type { Endpoint } from './endpoint.ts';
import { Lifecycle } from './lifecycle.ts';
import { LineWriter } from './line-writer.ts';
import type { ProcessFacts } from './metrics.ts';
import { createService, type Service } from './service.ts';

/** What is needed of `process`. */
type Host = Pick<NodeJS.Process, 'env' | 'memoryUsage' | 'cpuUsage'> & {
  on(event: string, listener: (what: unknown) => void): unknown;
};

export interface RunOptions {
  readonly host: Host;
  readonly extraEndpoints?: readonly Endpoint[];
}

/**
 * Serves until it is told to leave, and returns the exit code: 0 when every request was answered, 1 when
 * some were cut or the service crashed, 2 when the configuration is wrong.
 */
export async function run({ host, extraEndpoints = [] }: RunOptions): Promise<number> {
  const read = readConfig(host.env);
  if (!read.ok) {
    for (const problem of read.problems) sayText(`error: ${problem}`);
    return 2;
  }
  const { config } = read;

  const lines = new LineWriter({ write: writeToStdout, wait: Bun.sleep });
  const crashed = new Promise<number>((resolve) => {
    const crash = (error: unknown) => {
      say('error', 'uncaught error', { error: describe(error) });
      resolve(1);
    };
    host.on('uncaughtException', crash);
    host.on('unhandledRejection', crash);
  });
  const signals = watchSignals(host);

  const lifecycle = new Lifecycle();
  const service = createService({
    config,
    clock: systemClock,
    lifecycle,
    facts: createFacts({ host, config, lines }),
    logAccess: config.hasAccessLog ? createAccessLog({ clock: systemClock, lines }) : undefined,
    reportError: (error) => say('error', 'an endpoint failed', { error: describe(error) }),
    extraEndpoints,
  });
  let server: Server;
  try {
    server = listen({ config, service });
  } catch (error) {
    say('error', `cannot listen on ${config.host}:${config.port}`, { error: messageOf(error) });
    return 1;
  }
  lifecycle.becomeReady();
  say('info', 'ready', { url: server.url.origin });

  const left = signals.first.then(() =>
    leave({ config, lifecycle, server, service, second: signals.second }),
  );
  const code = await Promise.race([left, crashed]);
  void server.stop(true);
  await lines.close();
  return code;
}

const STDOUT = 1;
const STDERR = 2;

/** In a thread of its own, for stdout is most often a pipe that blocks. */
function writeToStdout(bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(STDOUT, bytes, (error, written) => (error ? reject(error) : resolve(written)));
  });
}

type Server = ReturnType<typeof listen>;

function listen({ config, service }: { readonly config: Config; readonly service: Service }) {
  return Bun.serve({
    hostname: config.host,
    port: config.port,
    idleTimeout: config.idleSeconds,
    development: false,
    // Out of development the runtime would share the port with any other process that asks for it.
    reusePort: false,
    // At its own limit the runtime answers 413 without a body; the service refuses earlier, with a problem.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    routes: service.routes,
    fetch: service.unmatched,
  });
}

interface Signals {
  readonly first: Promise<void>;
  readonly second: Promise<void>;
}

function watchSignals(host: Host): Signals {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let count = 0;
  const receive = () => (++count === 1 ? first : second).resolve();
  host.on('SIGTERM', receive);
  host.on('SIGINT', receive);
  return { first: first.promise, second: second.promise };
}

interface LeaveOptions {
  readonly config: Config;
  readonly lifecycle: Lifecycle;
  readonly server: Server;
  readonly service: Service;
  readonly second: Promise<void>;
}

/**
 * Readiness fails at once, and for the drain time everything is still accepted: whoever sends requests
 * has to learn of it first, and a connection that has said nothing yet is dropped with the listener
 * (TCP_DEFER_ACCEPT). Then the listener closes, and what is in flight is finished.
 */
async function leave({ config, lifecycle, server, service, second }: LeaveOptions): Promise<number> {
  const { drainSeconds, shutdownDeadlineSeconds } = config;
  lifecycle.drain();
  say('info', 'draining', { seconds: drainSeconds });

  const finished = Bun.sleep(drainSeconds * 1000).then(() => server.stop());
  const deadline = Bun.sleep(shutdownDeadlineSeconds * 1000);
  await Promise.race([finished, deadline, second]);

  lifecycle.stop();
  const cut = server.pendingRequests;
  if (cut > 0) {
    say('error', 'requests in flight were cut', { count: cut, requests: service.inFlight().slice(0, 20) });
    return 1;
  }
  say('info', 'stopped', {});
  return 0;
}

interface FactsOptions {
  readonly host: Host;
  readonly config: Config;
  readonly lines: LineWriter;
}

function createFacts({ host, config, lines }: FactsOptions): ProcessFacts {
  return {
    startedAtSeconds: performance.timeOrigin / 1000,
    runtime: `bun ${Bun.version}`,
    release: config.release,
    revision: config.revision,
    residentBytes: () => host.memoryUsage.rss(),
    cpuSeconds: () => {
      const { user, system } = host.cpuUsage();
      return (user + system) / 1e6;
    },
    droppedLogLines: () => lines.droppedLines,
  };
}

/** Events of the process go to stderr, one JSON line each, apart from the access log on stdout. */
function say(level: 'info' | 'error', message: string, more: Readonly<Record<string, unknown>>): void {
  sayText(JSON.stringify({ time: new Date().toISOString(), level, message, ...more }));
}

function sayText(text: string): void {
  try {
    writeSync(STDERR, `${text}\n`);
  } catch {
    // Nobody reads stderr, and there is nowhere else to say so.
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : String(error);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
