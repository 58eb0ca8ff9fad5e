import { z } from 'zod';
import { parseJson } from '../parse-json.ts';
import type { Package } from './package.ts';

/** Both ways of old times to name a license are still met. */
const packageJsonSchema = z.object({
  name: z.string().min(1),
  version: z.string().min(1),
  license: z
    .union([z.string(), z.object({ type: z.string() }).transform(({ type }) => type)])
    .optional()
    .catch(undefined),
});

/** None where the file gives no name and version, or is no JSON. */
export function parsePackageJson(text: string): Package | undefined {
  const { data } = packageJsonSchema.safeParse(parseJson(text));
  if (!data) return undefined;
  const { name, version, license } = data;
  return { type: 'npm', name, version, ...(license ? { license } : {}) };
}
