import { listenerOn } from './listening.ts';
import type { PathsOptions } from './paths.ts';
import { listStored } from './stored.ts';

interface Wanted {
  readonly port: number;
  /** That wants the port, and its config's folder. */
  readonly environment: string;
  readonly folder: string;
  readonly env: PathsOptions['env'];
}

/** Who has a port of this machine, and how it gets free: one of our environments is taken down by a command. */
export function portBusy({ port, environment, folder, env }: Wanted) {
  const ours = listStored(env).find((stored) => stored.isRunning && stored.port === port);
  const holder = ours ? `${ours.project}’s ${ours.name}, made from ${ours.folder}` : listenerOn(port);
  const mend = ours?.folder === folder ? `causeway down ${ours.name}` : 'causeway down --all';
  return {
    message: `port ${port} of 127.0.0.1 is taken by ${holder ?? 'another program'}`,
    hint: `${ours ? `${mend} takes it down` : 'stop it'}, or give the environment another port: environments.${environment}.port in causeway.config.ts`,
  };
}
