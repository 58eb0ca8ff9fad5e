import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where what the tests install for themselves lies, beside the system and from one run to the next. */
export const cacheFolder = join(
  process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? homedir(), '.cache'),
  'causeway-tests',
);

/** A folder of the cache; it is made beside it first, so that one that is there is whole. */
export async function cached(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder, name);
  if (existsSync(folder)) return folder;
  mkdirSync(cacheFolder, { recursive: true });
  const beside = mkdtempSync(join(cacheFolder, 'making-'));
  try {
    await make(beside);
    renameSync(beside, folder);
  } catch (error) {
    rmSync(beside, { recursive: true, force: true });
    // Another run of the tests may have made it meanwhile.
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
