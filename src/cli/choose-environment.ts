import { dirname } from 'node:path';
import { type Config, type EnvironmentConfig, environmentOf } from '../core/config.ts';
import type { Environment } from '../core/environment.ts';
import { UserError } from '../core/errors.ts';
import type { Cli } from './cli.ts';
import { findConfig, loadConfig } from './load-config.ts';
import type { StoredPlace } from './open-environment.ts';
import { printable } from './terminal/printable.ts';

/** The environment that a command was called for, and the config that describes it. */
export interface Chosen {
  readonly name: string;
  readonly config: Config;
  readonly environmentConfig: EnvironmentConfig;
  readonly environment: Environment;
  /** What the config's paths are relative to. */
  readonly folder: string;
}

export async function chooseEnvironment(cli: Cli, name = 'local'): Promise<Chosen> {
  return openChosen(cli, await findNamed(cli, name));
}

async function findNamed(cli: Cli, name: string): Promise<Pick<Chosen, 'name' | 'config' | 'folder'>> {
  const { config, folder } = await loadConfig(cli);
  environmentOf(config, name);
  return { name, config, folder };
}

/**
 * The same for a command that builds nothing. Where the config does not load, or no longer names the
 * environment, what was rolled out last says enough: a slip in a file must not keep you from rolling back.
 */
export async function chooseMade(cli: Cli, name = 'local'): Promise<Chosen> {
  return openChosen(
    cli,
    await findNamed(cli, name).catch((thrown: unknown) => goByStored(cli, name, thrown)),
  );
}

async function goByStored(cli: Cli, name: string, thrown: unknown): Promise<StoredPlace> {
  const stored = thrown instanceof UserError ? await findStored(cli, name) : undefined;
  if (!stored) throw thrown;
  const [reason = ''] = (thrown as UserError).message.split('\n');
  const text = `${printable(reason)}; going by what was rolled out last`;
  cli.io.stderr.write(cli.err.spell(`warning: ${text}\n`));
  return stored;
}

export async function openChosen(
  cli: Cli,
  { name, config, folder }: Pick<Chosen, 'name' | 'config' | 'folder'>,
): Promise<Chosen> {
  const { io, options } = cli;
  const environmentConfig = environmentOf(config, name);
  if (environmentConfig.signed) cli.signed.add(name);
  refuseContext(cli, name, environmentConfig);
  const write = (text: string) => {
    const shown = cli.err.spell(text);
    // A live line may stand there; it is drawn again below.
    io.stderr.write(cli.err.isLive ? `\r${shown}\x1b[K\n` : `${shown}\n`);
  };
  const trace = (line: string) => {
    if (options.verbose) write(cli.err.dim(`  ${printable(line)}`));
  };
  const environment = await io.openEnvironment({
    project: config.project,
    folder,
    name,
    config: environmentConfig,
    service: config.service,
    context: options.context,
    repository: config.image.repository,
    user: io.user,
    env: io.env,
    uid: io.uid,
    runtime: io.runtime,
    say: (line) => write(`install  ${printable(line)}`),
    trace,
  });
  return { name, config, environmentConfig, environment, folder };
}

function refuseContext({ options }: Cli, name: string, { target }: EnvironmentConfig): void {
  if (options.context === undefined || target === 'kubernetes') return;
  throw new UserError({
    code: 'usage_wrong',
    message: `${name} is ${target === 'local' ? 'on this machine' : 'in a cluster that its cloud makes'}, and --context ${options.context} chooses a cluster`,
    hint: 'leave --context out, or name an environment whose target is kubernetes',
  });
}

async function findStored({ io, options }: Cli, name: string): Promise<StoredPlace | undefined> {
  try {
    const folder = dirname(findConfig({ cwd: io.cwd, file: options.config }));
    return (await io.listStored(io.env)).find((stored) => stored.folder === folder && stored.name === name);
  } catch {
    // The first error says more.
    return undefined;
  }
}
