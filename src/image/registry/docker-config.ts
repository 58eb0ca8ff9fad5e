import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../core/errors.ts';
import { parseJson } from '../parse-json.ts';

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
  const path = join(dockerFolder(env), 'config.json');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return '{}';
    throw wrong(path, `cannot be read (${error.code})`);
  });
  const json = parseJson(text);
  // What a parser says would quote the file, and secrets with it.
  if (json === undefined) throw wrong(path, 'is no JSON');
  const parsed = configSchema.safeParse(json);
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.map(String).join('.') || 'the whole';
    throw wrong(path, `is not the docker config: ${where} has another shape`);
  }
  return { ...parsed.data, path };
}

/** Where the docker command keeps what is the user's. */
export function dockerFolder(env: Readonly<Record<string, string | undefined>>): string {
  return env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker');
}

function wrong(path: string, how: string): UserError {
  return new UserError({
    code: 'credentials_failed',
    message: `${path} ${how}`,
    hint: 'mend the file, or move it away to enter registries as anyone',
  });
}
