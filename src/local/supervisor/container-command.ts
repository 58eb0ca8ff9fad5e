import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { showMs } from '../../core/duration.ts';
import { UserError } from '../../core/errors.ts';
import type { Exit, OneOff } from '../../core/target.ts';
import type { ContainerSpec } from '../engine/container-spec.ts';
import { type Container, type Engine, EngineRefusal } from '../engine/engine.ts';
import { describeExit, describeRefusedStart, isRefusedProgram } from './container-exit.ts';
import { commandEvidence, exitOf, writeExit } from './one-off.ts';
import { ReplicaLog } from './replica-log.ts';

export interface ContainerCommandOptions {
  readonly what: OneOff;
  readonly engine: Engine;
  /** By which its container is found again. */
  readonly name: string;
  readonly spec: () => ContainerSpec;
  /** The log of the command; its exit code is written beside it. */
  readonly folder: string;
  /** Ends the command at once; its reason becomes that of its failure. */
  readonly signal: AbortSignal;
  /** Sees to it that the container is removed, now or when the engine answers again; whether it is gone now. */
  readonly remove: (engine: Engine, id: string) => Promise<boolean>;
}

const lookMs = 250;
/** What it printed last may come later than the word that it has ended. */
const printMs = 5_000;

/**
 * Runs a release command in a container of its own, under a name by which its end is looked up even if the
 * supervisor died meanwhile. The container is removed when its exit code and what it printed are on the disk.
 */
export async function runContainerCommand(options: ContainerCommandOptions): Promise<Exit> {
  const { what, engine, name, folder } = options;
  if (what.isBegun && existsSync(join(folder, 'exit'))) return exitOf(folder) ?? { kind: 'unknown' };
  const container = what.isBegun ? await find(engine, name) : await start(options);
  if (container === undefined) return { kind: 'unknown' };
  if ('kind' in container) return container;
  const { State, Id } = container;
  return State.Status === 'created' ? removeUnstarted(options, Id) : follow(options, Id);
}

async function find(engine: Engine, name: string): Promise<Container | undefined> {
  try {
    return await engine.inspect(name);
  } catch (error) {
    if (error instanceof EngineRefusal && error.isMissing) return undefined;
    throw error;
  }
}

async function start({
  what,
  engine,
  name,
  spec,
  remove,
}: ContainerCommandOptions): Promise<Container | Exit> {
  const id = await engine.create(name, spec());
  try {
    await engine.start(id);
  } catch (error) {
    if (!isRefusedProgram(error)) throw error;
    const [program = ''] = what.command;
    // As a shell ends that does not find a program.
    const evidence = { exit: 'exit code 127', lines: [describeRefusedStart(program, error)] };
    await remove(engine, id);
    return { kind: 'failed', evidence };
  }
  return engine.inspect(id);
}

/** A start that was asked for as the supervisor died may come about after all: then it is begun, and not cut. */
async function removeUnstarted(options: ContainerCommandOptions, id: string): Promise<Exit> {
  try {
    await options.engine.removeUnlessRunning(id);
  } catch (error) {
    if (error instanceof EngineRefusal && error.isOverruled) return follow(options, id);
    throw error;
  }
  return failedAs(options.folder, 'it was not started');
}

/** Until it ends, it is ended, or its time is over. Its output is read from the beginning, by whoever looks. */
async function follow(options: ContainerCommandOptions, id: string): Promise<Exit> {
  const { what, engine, folder, signal, remove } = options;
  const over = AbortSignal.any([signal, AbortSignal.timeout(what.timeoutMs)]);
  const printed = copyOutput(engine, id, folder);
  try {
    const state = await endOf(engine, id, over);
    if (state === 'removed') return { kind: 'unknown' };
    const hasEnded = state !== undefined || (await kill(engine, id));
    if (hasEnded) await Promise.race([printed.done, Bun.sleep(printMs)]);
    if (state) writeExit(folder, state.ExitCode);
    const isGone = await remove(engine, id);
    if (state) return conclude(folder, state);
    if (!hasEnded && !isGone) return { kind: 'unknown' };
    return failedAs(folder, signal.aborted ? String(signal.reason) : `no end in ${showMs(what.timeoutMs)}`);
  } finally {
    printed.stop();
  }
}

/** How it is once it has ended; nothing where the signal was sooner. */
async function endOf(
  engine: Engine,
  id: string,
  signal: AbortSignal,
): Promise<Container['State'] | 'removed' | undefined> {
  while (!signal.aborted) {
    try {
      await engine.wait(id, signal);
      const { State } = await engine.inspect(id);
      if (!State.Running) return State;
    } catch (error) {
      if (error instanceof EngineRefusal && error.isMissing) return 'removed';
      // An engine that is away for a moment is asked again.
      if (!signal.aborted) await Bun.sleep(lookMs);
    }
  }
  return undefined;
}

/** Whether the engine says that it runs no more. */
async function kill(engine: Engine, id: string): Promise<boolean> {
  try {
    await engine.kill(id, 'SIGKILL');
    return true;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // It has ended meanwhile, or is not there any more.
    return error instanceof EngineRefusal && (error.isMissing || error.isOverruled);
  }
}

function copyOutput(
  engine: Engine,
  id: string,
  folder: string,
): { done: Promise<unknown>; stop: () => void } {
  // What an earlier supervisor had read of it is read again.
  for (const name of ['out', 'marks']) rmSync(join(folder, name), { force: true });
  const log = new ReplicaLog(folder);
  const stopped = new AbortController();
  const done = engine
    .logs(id, stopped.signal)
    .then((output) => log.take(output))
    .catch(() => undefined)
    .finally(() => log.close());
  return { done, stop: () => stopped.abort(new Error('the command has ended')) };
}

function conclude(folder: string, state: Container['State']): Exit {
  if (state.ExitCode === 0) return { kind: 'succeeded' };
  return failedAs(folder, describeExit(state));
}

function failedAs(folder: string, exit: string): Exit {
  return { kind: 'failed', evidence: commandEvidence(folder, exit) };
}
