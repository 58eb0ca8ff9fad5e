import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { showMs } from '../../core/duration.ts';
import { UserError } from '../../core/errors.ts';
import type { Exit, OneOff } from '../../core/target.ts';
import type { ContainerSpec } from '../engine/container-spec.ts';
import { type Container, type Engine, EngineRefusal } from '../engine/engine.ts';
import { describeExit, describeRefusedStart } from './container-exit.ts';
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
}

const lookMs = 250;

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
  // Of a container that never ran the engine knows why, if it tried.
  if (container.State.Status === 'created') return remove(options, failedAs(folder, 'it was not started'));
  return follow(options, container.Id);
}

async function find(engine: Engine, name: string): Promise<Container | undefined> {
  try {
    return await engine.inspect(name);
  } catch (error) {
    if (error instanceof EngineRefusal && error.isMissing) return undefined;
    throw error;
  }
}

async function start(options: ContainerCommandOptions): Promise<Container | Exit> {
  const { what, engine, name, spec } = options;
  const id = await engine.create(name, spec());
  try {
    await engine.start(id);
  } catch (error) {
    if (!(error instanceof EngineRefusal)) throw error;
    const [program = ''] = what.command;
    // As a shell ends that does not find a program.
    const evidence = { exit: 'exit code 127', lines: [describeRefusedStart(program, error)] };
    return remove(options, { kind: 'failed', evidence });
  }
  return engine.inspect(id);
}

/** Until it ends, it is ended, or its time is over. Its output is read from the beginning, by whoever looks. */
async function follow(options: ContainerCommandOptions, id: string): Promise<Exit> {
  const { what, engine, folder, signal } = options;
  const timeout = AbortSignal.timeout(what.timeoutMs);
  const over = AbortSignal.any([signal, timeout]);
  const printed = copyOutput(engine, id, folder);
  try {
    while (!over.aborted) {
      const state = await waitFor(engine, id, over);
      if (state && !state.Running) {
        await Promise.race([printed.done, Bun.sleep(lookMs)]);
        return await remove(options, conclude(folder, state));
      }
    }
    const reason = signal.aborted ? String(signal.reason) : `no end in ${showMs(what.timeoutMs)}`;
    return await remove(options, failedAs(folder, reason));
  } finally {
    printed.stop();
  }
}

/** How it is once it has ended; nothing where the engine did not answer, or broke off. */
async function waitFor(
  engine: Engine,
  id: string,
  signal: AbortSignal,
): Promise<Container['State'] | undefined> {
  try {
    await engine.wait(id, signal);
    return (await engine.inspect(id)).State;
  } catch (error) {
    if (error instanceof EngineRefusal && error.isMissing) throw error;
    if (!signal.aborted) await Bun.sleep(lookMs);
    return undefined;
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
  writeExit(folder, state.ExitCode);
  if (state.ExitCode === 0) return { kind: 'succeeded' };
  return failedAs(folder, describeExit(state));
}

function failedAs(folder: string, exit: string): Exit {
  return { kind: 'failed', evidence: commandEvidence(folder, exit) };
}

/** An engine that is away now is asked again when a supervisor starts or the environment goes down. */
async function remove({ engine, name }: ContainerCommandOptions, exit: Exit): Promise<Exit> {
  await engine.remove(name).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error;
  });
  return exit;
}
