import { z } from 'zod';
import { isAlive, type ProcessIdentity } from './birth.ts';
import { readIfThere } from './durable.ts';
import { parseJson } from './json.ts';
import type { Paths } from './paths.ts';

const lockSchema = z.object({ pid: z.int(), birth: z.string(), port: z.int(), socket: z.string() });
/** Which process is the supervisor of a state folder. */
export type SupervisorLock = Readonly<z.infer<typeof lockSchema>>;

/** The supervisor that runs, or nothing: a lock that its holder left behind says nothing. */
export function readLiveLock({ lock }: Pick<Paths, 'lock'>): SupervisorLock | undefined {
  const held = lockSchema.safeParse(parseJson(readIfThere(lock) ?? ''));
  return held.success && isAlive(held.data satisfies ProcessIdentity) ? held.data : undefined;
}
