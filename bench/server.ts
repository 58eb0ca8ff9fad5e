import { closeSync, openSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { mustRun } from '../e2e/images/run-program.ts';
import type { PeerPrograms } from './peers/programs.ts';
import { cpuSecondsOf, endTree } from './process-tree.ts';
import { runWrk, type WrkRun } from './wrk.ts';

/** A server of `GET /`, as somebody would run it. */
export interface Server {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunningServer {
  readonly pid: number;
  readonly startMs: number;
  readonly end: () => Promise<void>;
}

export interface StartOptions {
  readonly server: Server;
  readonly port: number;
  /** Where its output goes, and where it works. */
  readonly folder: string;
}

/** Starts a server, on a core of its own, and returns when it has answered. */
export async function startServer({ server, port, folder }: StartOptions): Promise<RunningServer> {
  const log = openSync(join(folder, 'out.log'), 'w');
  const startedAt = performance.now();
  const child = Bun.spawn(onServersCore(server.argv), {
    cwd: folder,
    env: { PATH: '/usr/bin:/bin', HOME: folder, PORT: String(port), ...server.env },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const end = () => endTree(child);
  while (!(await answersAt(port))) {
    if (child.exitCode !== null || performance.now() - startedAt > 20_000) {
      await end();
      throw new Error(
        `${server.name} does not answer; it says: ${await Bun.file(join(folder, 'out.log')).text()}`,
      );
    }
    await Bun.sleep(1);
  }
  return { pid: child.pid, startMs: performance.now() - startedAt, end };
}

/** What load costs a server: its CPU time, whoever else works on the machine. */
export interface Loaded extends WrkRun {
  readonly perCpuSecond: number;
}

export interface LoadOptions {
  readonly programs: Pick<PeerPrograms, 'wrk' | 'env'>;
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** The processes that a request passes through. */
  readonly pids: () => readonly number[];
}

export async function loadServer({ programs, pids, ...load }: LoadOptions): Promise<Loaded> {
  const before = cpuSecondsOf(pids());
  const run = await runWrk({ argv: onLoadsCore([programs.wrk]), env: programs.env, ...load });
  if (run.failed > 0)
    throw new Error(`${run.failed} of ${run.requests} requests to port ${load.port} failed`);
  return { ...run, perCpuSecond: run.requests / (cpuSecondsOf(pids()) - before) };
}

/** Of two cores, the one where what is measured runs. */
const serversCore = '0';

/** For what something else has started. */
export async function moveToServersCore(pid: number): Promise<void> {
  if (canPin) await mustRun(['taskset', '--all-tasks', '--cpu-list', '--pid', serversCore, String(pid)]);
}

/** The load has the other core, so that the two take no time from each other. */
function onServersCore(argv: readonly string[]): string[] {
  return pinned(serversCore, argv);
}

function onLoadsCore(argv: readonly string[]): string[] {
  return pinned('1', argv);
}

function pinned(core: string, argv: readonly string[]): string[] {
  return canPin ? ['taskset', '--cpu-list', core, ...argv] : [...argv];
}

const canPin = cpus().length > 1 && Bun.which('taskset') !== null;

async function answersAt(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`, { keepalive: false });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
