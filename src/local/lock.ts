import { z } from 'zod';
import { isAlive, type ProcessIdentity } from './birth.ts';
import { readIfThere, writeWhole } from './durable.ts';
import { parseJson } from './json.ts';
import type { Paths } from './paths.ts';
import { sumOf } from './sum.ts';

const identitySchema = z.object({ pid: z.int(), birth: z.string() });
const lockSchema = identitySchema.extend({
  port: z.int(),
  socket: z.string(),
  /** What becomes the next supervisor when this one dies. */
  keeper: identitySchema.optional(),
});
const storedSchema = lockSchema.extend({ sum: z.string().optional() });
/** Which process is the supervisor of a state folder. */
export type SupervisorLock = Readonly<z.infer<typeof lockSchema>>;

/** Throws `state_not_writable`. */
export function writeLock({ lock }: Pick<Paths, 'lock'>, held: SupervisorLock): void {
  writeWhole(lock, JSON.stringify({ sum: sumOf(held), ...held }));
}

/** The supervisor that runs, or nothing: a lock that its holder left behind says nothing. */
export function readLiveLock({ lock }: Pick<Paths, 'lock'>): SupervisorLock | undefined {
  const held = read(lock);
  return held && isAlive(held satisfies ProcessIdentity) ? held : undefined;
}

/** Whether a supervisor runs, or has died and its keeper is about to be the next one. */
export function isHeld({ lock }: Pick<Paths, 'lock'>): boolean {
  const held = read(lock);
  return held !== undefined && (isAlive(held) || (held.keeper !== undefined && isAlive(held.keeper)));
}

function read(lock: string): SupervisorLock | undefined {
  const stored = storedSchema.safeParse(parseJson(readIfThere(lock) ?? ''));
  if (!stored.success) return undefined;
  const { sum, ...held } = stored.data;
  return sum === undefined || sum === sumOf(held) ? held : undefined;
}
