import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Exit, OneOff } from '../../core/target.ts';
import { birthOf, isAlive } from '../birth.ts';
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
}

const evidenceLines = 20;
const lookMs = 100;

/**
 * Runs a release command. A shell around it writes its exit code to a file, so that its end is known even if
 * the supervisor died meanwhile (so it prints into a file, not into a pipe); one that was begun before is looked up there, and never started again.
 */
export async function runOneOff(options: OneOffOptions): Promise<Exit> {
  const { what, folder } = options;
  if (what.isBegun) return lookUp(folder);
  makeFolder(folder);
  const out = openSync(join(folder, 'out'), 'a', 0o600);
  const child = Bun.spawn(['/bin/sh', '-c', script, join(folder, 'exit'), ...options.argv], {
    cwd: options.workingFolder,
    env: { ...options.env },
    stdio: ['ignore', out, out],
    detached: true,
  });
  closeSync(out);
  writeWhole(join(folder, 'marks'), `${Date.now()} 0\n`);
  writeWhole(join(folder, 'process.json'), JSON.stringify({ pid: child.pid, birth: birthOf(child.pid) }));
  await child.exited;
  return exitOf(folder) ?? { kind: 'unknown' };
}

/** The code is written beside and moved there, so that it is there whole or not at all. */
const script = '"$@"; code=$?; echo "$code" > "$0.tmp" && mv "$0.tmp" "$0"; exit "$code"';

async function lookUp(folder: string): Promise<Exit> {
  const identity = identitySchema.safeParse(parseJson(readIfThere(join(folder, 'process.json')) ?? ''));
  while (identity.success && isAlive(identity.data)) await Bun.sleep(lookMs);
  return exitOf(folder) ?? { kind: 'unknown' };
}

/** Without a birth where the command had ended before it could be read. */
const identitySchema = z.object({ pid: z.int(), birth: z.string() });

function exitOf(folder: string): Exit | undefined {
  if (!existsSync(join(folder, 'exit'))) return undefined;
  const code = Number(readIfThere(join(folder, 'exit')));
  if (code === 0) return { kind: 'succeeded' };
  return {
    kind: 'failed',
    evidence: { exit: `exit code ${code}`, lines: [...lastLines(folder, evidenceLines)] },
  };
}
