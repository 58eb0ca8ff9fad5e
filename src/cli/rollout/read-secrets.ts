import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Config, EnvironmentConfig, SecretSource } from '../../core/config.ts';
import { UserError } from '../../core/errors.ts';
import { type Io, inheritedEnv } from '../io.ts';

type Sources = Readonly<Record<string, SecretSource>>;

/** For a password manager that asks its user something. */
const patienceMs = 120_000;

/** Where the environment's secrets come from: its own sources win over the service's. */
export function secretSources(config: Config, environment: EnvironmentConfig): Sources {
  return { ...config.service.secrets, ...environment.secrets };
}

/** Refuses secrets that are not in the shell, before time is spent on a build and tests. */
export function refuseMissingVariables(sources: Sources, { env }: Pick<Io, 'env'>): void {
  for (const [name, source] of Object.entries(sources)) if ('env' in source) fromEnv(name, source.env, env);
}

/** Reads every secret from its source, just now. A message never holds a value. */
export async function readSecrets(
  sources: Sources,
  folder: string,
  io: Pick<Io, 'env'>,
): Promise<Readonly<Record<string, string>>> {
  const secrets: Record<string, string> = {};
  for (const [name, source] of Object.entries(sources)) {
    if ('env' in source) secrets[name] = fromEnv(name, source.env, io.env);
    else if ('file' in source) secrets[name] = await fromFile(name, source.file, folder);
    else secrets[name] = await fromCommand(name, source.command, folder, io);
  }
  return secrets;
}

function fromEnv(name: string, variable: string, env: Io['env']): string {
  const value = env[variable];
  if (value) return value;
  throw missing(
    name,
    `the variable ${variable} is ${value === undefined ? 'not set' : 'empty'}`,
    `export ${variable}=…`,
  );
}

async function fromFile(name: string, file: string, folder: string): Promise<string> {
  const path = resolve(folder, file);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw missing(name, `the file ${file} cannot be read (${error.code})`, `write it to ${path}`);
  });
  return filled(name, text, `the file ${file} is empty`, `write it to ${path}`);
}

async function fromCommand(
  name: string,
  command: readonly string[],
  folder: string,
  io: Pick<Io, 'env'>,
): Promise<string> {
  const shown = command.join(' ');
  const hint = `run it yourself to see why: ${shown}`;
  const child = start(name, command, folder, io, hint);
  const [text, code] = await Promise.all([child.stdout.text(), child.exited]);
  if (code !== 0) throw missing(name, `${shown} ended with exit code ${code}`, hint);
  return filled(name, text, `${shown} printed nothing`, hint);
}

/** It may ask its user something, so stdin and stderr are the terminal's. */
function start(name: string, command: readonly string[], folder: string, io: Pick<Io, 'env'>, hint: string) {
  try {
    return Bun.spawn([...command], {
      cwd: folder,
      env: inheritedEnv(io),
      stdin: 'inherit',
      stdout: 'pipe',
      stderr: 'inherit',
      timeout: patienceMs,
    });
  } catch {
    throw missing(name, `${command.join(' ')} did not start`, hint);
  }
}

/** A last line break is the file's or the command's, not the secret's. */
function filled(name: string, text: string, trouble: string, hint: string): string {
  const value = text.replace(/\r?\n$/, '');
  if (value === '') throw missing(name, trouble, hint);
  return value;
}

function missing(name: string, trouble: string, hint: string): UserError {
  return new UserError({
    code: 'secret_missing',
    message: `the secret ${name} is missing: ${trouble}`,
    hint,
  });
}
