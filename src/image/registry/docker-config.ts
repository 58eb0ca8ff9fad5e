import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../core/errors.ts';

const entrySchema = z.object({
  /** base64 of `user:password`. */
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});

const configSchema = z.object({
  auths: z
    .record(z.string(), entrySchema)
    .nullish()
    .transform((auths) => auths ?? {}),
  credHelpers: z
    .record(z.string(), z.string())
    .nullish()
    .transform((helpers) => helpers ?? {}),
  credsStore: z.string().nullish(),
});

/** What the docker config says about registries. */
export type DockerConfig = z.output<typeof configSchema> & { readonly path: string };

/** Reads `config.json` of `$DOCKER_CONFIG`, or of `~/.docker`; there need not be one. */
export async function readDockerConfig(
  env: Readonly<Record<string, string | undefined>>,
): Promise<DockerConfig> {
  const path = join(env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker'), 'config.json');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return '{}';
    throw wrong(path, `cannot be read (${error.code})`);
  });
  const parsed = configSchema.safeParse(parseJson(text, path));
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.map(String).join('.') || 'the whole';
    throw wrong(path, `is not the docker config: ${where} has another shape`);
  }
  return { ...parsed.data, path };
}

/** What the parser says would quote the file, and secrets with it. */
function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong(path, 'is no JSON');
  }
}

function wrong(path: string, how: string): UserError {
  return new UserError({
    code: 'credentials_failed',
    message: `${path} ${how}`,
    hint: 'mend the file, or move it away to enter registries as anyone',
  });
}
