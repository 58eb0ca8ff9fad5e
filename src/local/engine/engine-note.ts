import { rmSync } from 'node:fs';
import { z } from 'zod';
import { readIfThere, writeWhole } from '../durable.ts';
import { parseJson } from '../json.ts';
import type { Paths } from '../paths.ts';

const noteSchema = z.array(z.string());

/** The sockets of the engines that this environment ever used since it was made; the last one is used now. */
export function readEngines({ engines }: Pick<Paths, 'engines'>): readonly string[] {
  const noted = noteSchema.safeParse(parseJson(readIfThere(engines) ?? ''));
  return noted.success ? noted.data : [];
}

/** Written before anything is made in the engine, so that it is found there whatever happens. */
export function noteEngine(paths: Pick<Paths, 'engines'>, socket: string): void {
  const known = readEngines(paths);
  if (known.at(-1) === socket) return;
  const others = known.filter((other) => other !== socket);
  writeWhole(paths.engines, JSON.stringify([...others, socket]));
}

export function forgetEngines({ engines }: Pick<Paths, 'engines'>): void {
  rmSync(engines, { recursive: true, force: true });
}
