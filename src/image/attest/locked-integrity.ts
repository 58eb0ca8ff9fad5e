import { dirname, join, relative, sep } from 'node:path';
import { z } from 'zod';

const lockSchema = z.object({
  packages: z.record(z.string(), z.looseObject({ version: z.string(), integrity: z.string() }).partial()),
});
type Lock = z.infer<typeof lockSchema>;

/**
 * Tells the integrity of the package that is installed in a folder, out of the package-lock.json above its
 * `node_modules`; nothing where none tells of it, or of another version.
 */
export type LockedIntegrity = (folder: string, version: string) => Promise<{ readonly integrity?: string }>;

/** Reads each lockfile once. */
export function openLockedIntegrity(): LockedIntegrity {
  const read = new Map<string, Promise<Lock | undefined>>();
  return async (folder, version) => {
    const project = folder.slice(0, folder.lastIndexOf(`${sep}node_modules${sep}`));
    for (let above = project; ; above = dirname(above)) {
      const reading = read.get(above) ?? readLock(above);
      read.set(above, reading);
      const lock = await reading;
      const locked = lock?.packages[relative(above, folder).replaceAll(sep, '/')];
      if (locked?.integrity && locked.version === version) return { integrity: locked.integrity };
      if (lock || above === dirname(above)) return {};
    }
  };
}

async function readLock(folder: string): Promise<Lock | undefined> {
  const json: unknown = await Bun.file(join(folder, 'package-lock.json'))
    .json()
    .catch(() => undefined);
  return lockSchema.safeParse(json).data;
}
