import { type Config, type EnvironmentConfig, environmentOf } from '../core/config.ts';
import type { Environment } from '../core/environment.ts';
import type { Cli } from './cli.ts';
import { loadConfig } from './load-config.ts';
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
  const { io, options } = cli;
  const { config, folder } = await loadConfig({ cwd: io.cwd, file: options.config });
  const environmentConfig = environmentOf(config, name);
  const trace = (line: string) => {
    if (!options.verbose) return;
    const text = cli.err.spell(cli.err.dim(`  ${printable(line)}`));
    // A live line may stand there; it is drawn again below.
    io.stderr.write(cli.err.isLive ? `\r${text}\x1b[K\n` : `${text}\n`);
  };
  const environment = await io.openEnvironment({
    project: config.project,
    folder,
    name,
    config: environmentConfig,
    env: io.env,
    uid: io.uid,
    runtime: io.runtime,
    trace,
  });
  return { name, config, environmentConfig, environment, folder };
}
