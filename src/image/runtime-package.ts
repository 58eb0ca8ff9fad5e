import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import { parseJson } from './parse-json.ts';

/** Where the runtime lies in an image. */
export const runtimeFolder = '/usr/local/bin';

/** The npm package that the runtime comes from. */
export interface RuntimePackage {
  readonly name: string;
  readonly version: string;
  /** As npm's lockfile writes it: `sha512-…`. */
  readonly integrity: string;
}

const names: Readonly<Record<Platform, string>> = {
  'linux/amd64': '@oven/bun-linux-x64',
  'linux/arm64': '@oven/bun-linux-aarch64',
};

/** What Causeway's own lockfile in `home` says. */
export async function runtimePackage(platform: Platform, home: string): Promise<RuntimePackage> {
  const name = names[platform];
  const path = join(home, 'package-lock.json');
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw runtimeMissing(`cannot read ${path}`, 'get Causeway anew; its lockfile names the runtime', error);
  });
  const found = lockfileSchema.safeParse(parseJson(text)).data?.packages[`node_modules/${name}`];
  const entry = entrySchema.safeParse(found);
  if (entry.success) return { name, ...entry.data };
  throw runtimeMissing(
    `${path} does not say which ${name} is meant`,
    'get Causeway anew; its lockfile is damaged',
  );
}

const lockfileSchema = z.object({ packages: z.record(z.string(), z.unknown()) });
const entrySchema = z.object({
  version: z.string(),
  integrity: z.string().regex(/^sha512-[0-9A-Za-z+/]{86}==$/),
});

export function runtimeMissing(message: string, hint: string, cause?: unknown): UserError {
  return new UserError({ code: 'runtime_missing', message, hint, cause });
}
