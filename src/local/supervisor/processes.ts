import { type Release, shortId } from '../../core/release.ts';
import type { Running } from '../../core/rollout.ts';
import type { Exit, OneOff } from '../../core/target.ts';
import { findFreePort } from '../free-port.ts';
import type { Paths } from '../paths.ts';
import type { OneOffStart } from '../protocol.ts';
import { artifactFolder, readSecrets } from '../store.ts';
import { commandMarkVariable, markVariable } from './leftovers.ts';
import { commandLogFolder, replicaLogFolder, replicaName } from './log-folders.ts';
import { runOneOff } from './one-off.ts';
import { Replica } from './replica.ts';

export interface ProcessesOptions {
  readonly paths: Paths;
  /** What every process gets of this machine's environment, PATH with the runtime first. */
  readonly baseEnv: Readonly<Record<string, string>>;
  readonly onProcess: (pid: number, isRunning: boolean) => void;
}

/** How a release becomes a process of this machine: its files, its program, its variables. */
export class Processes {
  readonly #options: ProcessesOptions;
  #serial = 0;

  constructor(options: ProcessesOptions) {
    this.#options = options;
  }

  createReplica(running: Running, restarts: number, onChange: () => void): Replica {
    this.#serial += 1;
    const { paths, onProcess } = this.#options;
    const { release, secretSet } = running;
    const id = replicaName(release.id, this.#serial);
    const workingFolder = artifactFolder(paths, release.artifact);
    return new Replica({
      id,
      running,
      restarts,
      argv: this.#resolve(release.command, workingFolder),
      workingFolder,
      logFolder: replicaLogFolder(paths.logs, id),
      env: () => ({ ...this.#envOf(release, secretSet), [markVariable]: paths.root }),
      choosePort: findFreePort,
      onChange,
      onProcess,
    });
  }

  /** Runs a release command to its end. */
  runOneOff(what: OneOff, signal: AbortSignal): Promise<Exit> {
    const { paths } = this.#options;
    const { release, secretSet } = what.running;
    const workingFolder = artifactFolder(paths, release.artifact);
    return runOneOff({
      what,
      argv: this.#resolve(what.command, workingFolder),
      workingFolder,
      env: { ...this.#envOf(release, secretSet), [commandMarkVariable]: paths.root },
      folder: commandLogFolder(paths.logs, release.id, what.id),
      signal,
    });
  }

  /** How a command of the user's is started beside the replicas of a release. */
  oneOffStart({ release, secretSet }: Running): OneOffStart {
    return {
      workingFolder: artifactFolder(this.#options.paths, release.artifact),
      env: this.#envOf(release, secretSet),
    };
  }

  /** Where a program is, as a replica would find it: on its PATH, or in the artifact. */
  which(program: string, workingFolder: string): string | null {
    return Bun.which(program, { PATH: this.#options.baseEnv.PATH ?? '', cwd: workingFolder });
  }

  #resolve([program = '', ...args]: readonly string[], workingFolder: string): readonly string[] {
    return [this.which(program, workingFolder) ?? program, ...args];
  }

  #envOf(release: Release, secretSet: string | undefined): Readonly<Record<string, string>> {
    const { baseEnv, paths } = this.#options;
    return {
      ...baseEnv,
      // The front door sends nothing new to a replica before SIGTERM, so it need not go on accepting.
      DRAIN_SECONDS: '0',
      SHUTDOWN_DEADLINE_SECONDS: '1',
      RELEASE: shortId(release.id),
      ...release.settings.env,
      ...readSecrets(paths, secretSet),
    };
  }
}
