import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { showMs } from '../../core/duration.ts';
import type { Exit, OneOff } from '../../core/target.ts';
import type { Evidence } from '../../core/verdict.ts';
import { birthOf, isAlive, type ProcessIdentity } from '../birth.ts';
import { makeFolder, readIfThere, writeWhole } from '../durable.ts';
import { parseJson } from '../json.ts';
import { lastLines } from './replica-log.ts';

export interface OneOffOptions {
  readonly what: OneOff;
  readonly argv: readonly string[];
  readonly workingFolder: string;
  readonly env: Readonly<Record<string, string>>;
  /** The log of the command; its exit code is written beside it. */
  readonly folder: string;
  /** Ends the command at once; its reason becomes that of its failure. */
  readonly signal: AbortSignal;
}

const evidenceLines = 20;
const lookMs = 50;

/**
 * Runs a release command. A shell around it writes its exit code to a file, and it prints into a file and not
 * into a pipe, so that its end is known even if the supervisor died meanwhile. One that was begun before is
 * looked up there, and never started again.
 */
export async function runOneOff(options: OneOffOptions): Promise<Exit> {
  const { what, folder, signal } = options;
  const timeout = AbortSignal.timeout(what.timeoutMs);
  const child = what.isBegun ? undefined : start(options);
  const identity = readIdentity(folder);
  let isOurs = child !== undefined;
  while (identity && (child ? isRunning(child) : isAlive(identity))) {
    isOurs = true;
    if (signal.aborted) return endAs(identity, folder, String(signal.reason));
    if (timeout.aborted) return endAs(identity, folder, `no end in ${showMs(what.timeoutMs)}`);
    await Promise.race([child?.exited ?? Bun.sleep(lookMs), Bun.sleep(lookMs)]);
  }
  // What it left running ends with it. A pid that was another's all the time is left alone.
  if (identity && isOurs) endGroup(identity);
  return exitOf(folder) ?? { kind: 'unknown' };
}

/** Ends a release command that a supervisor left running; whether there was one. */
export function endOneOff(folder: string): boolean {
  const identity = readIdentity(folder);
  if (!identity || !isAlive(identity)) return false;
  endGroup(identity);
  return true;
}

/** The code is written beside and moved there, so that it is there whole or not at all. */
const script = '"$@"; code=$?; echo "$code" > "$0.tmp" && mv "$0.tmp" "$0"; exit "$code"';

function isRunning({ exitCode, signalCode }: Bun.Subprocess): boolean {
  return exitCode === null && signalCode === null;
}

function start({ argv, workingFolder, env, folder }: OneOffOptions): Bun.Subprocess {
  makeFolder(folder);
  const out = openSync(join(folder, 'out'), 'a', 0o600);
  const child = Bun.spawn(['/bin/sh', '-c', script, join(folder, 'exit'), ...argv], {
    cwd: workingFolder,
    env: { ...env },
    stdio: ['ignore', out, out],
    detached: true,
  });
  closeSync(out);
  writeWhole(join(folder, 'marks'), `${Date.now()} 0\n`);
  writeWhole(join(folder, 'process.json'), JSON.stringify({ pid: child.pid, birth: birthOf(child.pid) }));
  return child;
}

/** Nothing where the command had ended before its birth could be read. */
function readIdentity(folder: string): ProcessIdentity | undefined {
  const identity = identitySchema.safeParse(parseJson(readIfThere(join(folder, 'process.json')) ?? ''));
  return identity.success ? identity.data : undefined;
}

const identitySchema = z.object({ pid: z.int(), birth: z.string() });

async function endAs(identity: ProcessIdentity, folder: string, exit: string): Promise<Exit> {
  endGroup(identity);
  while (isAlive(identity)) await Bun.sleep(lookMs);
  return { kind: 'failed', evidence: commandEvidence(folder, exit) };
}

function endGroup({ pid }: ProcessIdentity): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** How a command ended that wrote its exit code there. */
export function exitOf(folder: string): Exit | undefined {
  if (!existsSync(join(folder, 'exit'))) return undefined;
  const code = Number(readIfThere(join(folder, 'exit')));
  if (code === 0) return { kind: 'succeeded' };
  return { kind: 'failed', evidence: commandEvidence(folder, `exit code ${code}`) };
}

/** Notes how a command ended, for whoever looks later. */
export function writeExit(folder: string, code: number): void {
  writeWhole(join(folder, 'exit'), `${code}\n`);
}

export function commandEvidence(folder: string, exit: string): Evidence {
  return { exit, lines: [...lastLines(folder, evidenceLines)] };
}
