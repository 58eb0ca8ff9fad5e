import { listenerOn } from './listening.ts';
import type { PathsOptions } from './paths.ts';
import { listStored } from './stored.ts';

export interface WantedPort {
  readonly port: number;
  /** What wants the port, and its config's folder. */
  readonly project: string;
  readonly environment: string;
  readonly folder: string;
  readonly env: PathsOptions['env'];
}

/** Who has a port of this machine, and how it gets free: one of our environments is taken down by a command. */
export function portBusy({ port, project, environment, folder, env }: WantedPort) {
  const ours = listStored(env).find((stored) => stored.isRunning && stored.port === port);
  const holder = ours ? `${ours.project}’s ${ours.name}, made from ${ours.folder}` : listenerOn(port);
  // The config knows its own alone: not those of another folder, nor of the project's earlier name.
  const isReached = ours?.folder === folder && ours.project === project;
  const mend = isReached ? `causeway down ${ours.name}` : 'causeway down --all';
  return {
    message: `port ${port} of 127.0.0.1 is taken by ${holder ?? 'another program'}`,
    hint: `${ours ? `${mend} takes it down` : 'stop it'}, or give the environment another port: environments.${environment}.port in causeway.config.ts`,
  };
}
