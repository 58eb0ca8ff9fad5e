import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../core/errors.ts';
import { type Release, shortId } from '../../core/release.ts';
import type { Running } from '../../core/rollout.ts';
import type { Exit, Finding, OneOff } from '../../core/target.ts';
import { findFreePort } from '../free-port.ts';
import type { Paths } from '../paths.ts';
import type { OneOffStart } from '../protocol.ts';
import { artifactFolder, isStored } from '../store.ts';
import { commandMarkVariable, markVariable } from './leftovers.ts';
import { commandLogFolder, replicaLogFolder, replicaName } from './log-folders.ts';
import { runOneOff } from './one-off.ts';
import { processLife } from './process-life.ts';
import { Replica } from './replica.ts';
import { replicaEnv } from './replica-env.ts';
import type { Runner } from './runner.ts';

export interface ProcessesOptions {
  readonly paths: Paths;
  /** What every process gets of this machine's environment, PATH with the runtime first. */
  readonly baseEnv: Readonly<Record<string, string>>;
  readonly onProcess: (pid: number, isRunning: boolean) => void;
}

/** How a release becomes a process of this machine: its files, its program, its variables. */
export class Processes implements Runner {
  readonly #options: ProcessesOptions;
  #serial = 0;

  constructor(options: ProcessesOptions) {
    this.#options = options;
  }

  async preflight({ artifact, command }: Release): Promise<readonly Finding[]> {
    const [program = ''] = command;
    const folder = artifactFolder(this.#options.paths, artifact);
    if (this.#which(program, folder) !== null) return [];
    if (existsSync(join(folder, program))) {
      const message = `${program} is in the artifact, but is not executable`;
      return [{ isProblem: true, message, hint: `chmod +x ${program}` }];
    }
    return [
      {
        isProblem: true,
        message: `${program} was not found, neither on PATH nor in the artifact`,
        hint: 'install it, or mend service.command in causeway.config.ts',
      },
    ];
  }

  async publish(release: Release): Promise<void> {
    const { paths } = this.#options;
    if (isStored(paths, release)) return;
    throw new UserError({
      code: 'state_corrupt',
      message: `what release ${shortId(release.id)} is made of is gone: ${artifactFolder(paths, release.artifact)}`,
      hint: 'causeway up stores it again',
    });
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
      begin: processLife({
        argv: this.#resolve(release.command, workingFolder),
        workingFolder,
        env: () => ({ ...this.#envOf(release, secretSet), [markVariable]: paths.root }),
        choosePort: findFreePort,
        onProcess,
      }),
      workingFolder,
      logFolder: replicaLogFolder(paths.logs, id),
      onChange,
    });
  }

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

  async oneOffStart({ release, secretSet }: Running): Promise<OneOffStart> {
    return {
      kind: 'process',
      workingFolder: artifactFolder(this.#options.paths, release.artifact),
      env: this.#envOf(release, secretSet),
    };
  }

  #resolve([program = '', ...args]: readonly string[], workingFolder: string): readonly string[] {
    return [this.#which(program, workingFolder) ?? program, ...args];
  }

  /** Where a program is, as a replica would find it: on its PATH, or in the artifact. */
  #which(program: string, workingFolder: string): string | null {
    return Bun.which(program, { PATH: this.#options.baseEnv.PATH ?? '', cwd: workingFolder });
  }

  #envOf(release: Release, secretSet: string | undefined): Readonly<Record<string, string>> {
    return { ...this.#options.baseEnv, ...replicaEnv(this.#options.paths, release, secretSet) };
  }
}
