import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Config, EnvironmentConfig, SecretSource } from '../../core/config.ts';
import { UserError } from '../../core/errors.ts';
import { orAbort } from '../../core/or-abort.ts';
import { mostVariableBytes, showKib } from '../../core/variable-size.ts';
import { type Io, inheritedEnv } from '../io.ts';

type Sources = Readonly<Record<string, SecretSource>>;

/** For a password manager that asks its user something. */
const patienceMs = 120_000;

/** Where the environment's secrets come from: its own sources win over the service's. */
export function secretSources(config: Config, environment: EnvironmentConfig): Sources {
  return { ...config.service.secrets, ...environment.secrets };
}

/**
 * Refuses secrets that are not in the shell or in their file, before time is spent on a build and tests. Returns the names
 * of those that are there, and of those whose source was not asked.
 */
export async function refuseMissingSecrets(
  sources: Sources,
  folder: string,
  io: Pick<Io, 'env' | 'signal'>,
): Promise<{ readonly there: readonly string[]; readonly later: readonly string[] }> {
  const found = await Promise.all(
    Object.entries(sources).map(async ([name, source]) =>
      (await isForLater(source, folder)) ? name : readSecret(name, source, folder, io),
    ),
  );
  const later = found.filter((one) => typeof one === 'string');
  const read = found.filter((one) => typeof one !== 'string');
  refuseGaps(read.filter(isGap));
  const secrets = read.filter(isSecret);
  refuseUnfit(secrets);
  return { there: secrets.map(({ name }) => name), later };
}

/** A command may ask its user something, and a pipe can be read only once. */
async function isForLater(source: SecretSource, folder: string): Promise<boolean> {
  if (!('file' in source)) return 'command' in source;
  const file = await stat(resolve(folder, source.file)).catch(() => undefined);
  return file?.isFIFO() === true;
}

/**
 * Reads every secret from its source, just now; the commands one after the other. A message never holds a value. Rejects with
 * the signal's reason where that aborts first; the command that runs is ended with it.
 */
export async function readSecrets(
  sources: Sources,
  folder: string,
  io: Pick<Io, 'env' | 'signal'>,
): Promise<Readonly<Record<string, string>>> {
  const found: Found[] = [];
  for (const [name, source] of Object.entries(sources))
    found.push(await readSecret(name, source, folder, io));
  refuseGaps(found.filter(isGap));
  const secrets = found.filter(isSecret);
  refuseUnfit(secrets);
  return Object.fromEntries(secrets.map(({ name, value }) => [name, value]));
}

interface Secret {
  readonly name: string;
  readonly value: string;
}

/** A secret that its source does not give. */
interface Gap {
  readonly name: string;
  readonly trouble: string;
  readonly hint: string;
}

type Found = Secret | Gap;

function isGap(found: Found): found is Gap {
  return 'trouble' in found;
}

function isSecret(found: Found): found is Secret {
  return !isGap(found);
}

function refuseGaps(gaps: readonly Gap[]): void {
  const [first, ...others] = gaps;
  if (first === undefined) return;
  const lines = gaps.map(({ name, trouble }) => `       ${name}: ${trouble}`);
  throw new UserError({
    code: 'secret_missing',
    message:
      others.length === 0
        ? `the secret ${first.name} is missing: ${first.trouble}`
        : `${gaps.length} secrets are missing\n${lines.join('\n')}`,
    hint: [...new Set(gaps.map(({ hint }) => hint))].join(' · '),
  });
}

/** A cluster keeps 1 MiB of them in one object; a process takes 2 MiB of variables and arguments. */
const mostBytes = 768 * 1024;

/** What would fail when a replica starts, or when the cluster is to keep it. */
function refuseUnfit(secrets: readonly Secret[]): void {
  const unfit = (message: string) =>
    new UserError({
      code: 'secret_unfit',
      message,
      hint: 'see that its source gives the secret alone; put what is large into a file of the service',
    });
  for (const { name, value } of secrets) {
    if (value.includes('\0')) throw unfit(`the secret ${name} has a NUL character in it`);
    const bytes = Buffer.byteLength(value);
    if (bytes > mostVariableBytes)
      throw unfit(
        `the secret ${name} has ${showKib(bytes)}; a process can be given ${showKib(mostVariableBytes)} in one variable`,
      );
  }
  const bytes = secrets.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0);
  if (bytes > mostBytes)
    throw unfit(`the secrets have ${showKib(bytes)} together; ${showKib(mostBytes)} at most`);
}

async function readSecret(
  name: string,
  source: SecretSource,
  folder: string,
  io: Pick<Io, 'env' | 'signal'>,
): Promise<Found> {
  if ('env' in source) return fromEnv(name, source.env, io.env);
  if ('file' in source) return fromFile(name, source.file, folder);
  return fromCommand(name, source.command, folder, io);
}

function fromEnv(name: string, variable: string, env: Io['env']): Found {
  const value = env[variable];
  if (value) return { name, value };
  const trouble = `the variable ${variable} is ${value === undefined ? 'not set' : 'empty'}`;
  return { name, trouble, hint: `export ${variable}=…` };
}

async function fromFile(name: string, file: string, folder: string): Promise<Found> {
  const path = resolve(folder, file);
  const hint = `write ${name} to ${path}`;
  try {
    return filled(name, await readFile(path, 'utf8'), `the file ${file} is empty`, hint);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { name, trouble: `the file ${file} cannot be read (${code})`, hint };
  }
}

async function fromCommand(
  name: string,
  command: readonly string[],
  folder: string,
  io: Pick<Io, 'env' | 'signal'>,
): Promise<Found> {
  const shown = command.join(' ');
  const hint = `run it yourself to see why: ${shown}`;
  const child = start(command, folder, io);
  if (child === undefined) return { name, trouble: `${shown} did not start`, hint };
  const [text, code] = await orAbort(Promise.all([child.stdout.text(), child.exited]), io.signal);
  if (code !== 0) return { name, trouble: `${shown} ended with exit code ${code}`, hint };
  return filled(name, text, `${shown} printed nothing`, hint);
}

/** It may ask its user something, so stdin and stderr are the terminal's. */
function start(command: readonly string[], folder: string, io: Pick<Io, 'env' | 'signal'>) {
  try {
    return Bun.spawn([...command], {
      cwd: folder,
      env: inheritedEnv(io),
      stdin: 'inherit',
      stdout: 'pipe',
      stderr: 'inherit',
      timeout: patienceMs,
      signal: io.signal,
    });
  } catch {
    return undefined;
  }
}

/** A last line break is the file's or the command's, not the secret's. */
function filled(name: string, text: string, trouble: string, hint: string): Found {
  const value = text.replace(/\r?\n$/, '');
  return value === '' ? { name, trouble, hint } : { name, value };
}
