import { UserError } from '../../core/errors.ts';
import { type Release, shortId } from '../../core/release.ts';
import type { Running } from '../../core/rollout.ts';
import type { Exit, Finding, OneOff } from '../../core/target.ts';
import { containerSpec } from '../engine/container-spec.ts';
import { Engine } from '../engine/engine.ts';
import { noteEngine, readEngines } from '../engine/engine-note.ts';
import type { Paths } from '../paths.ts';
import type { OneOffStart } from '../protocol.ts';
import { runContainerCommand } from './container-command.ts';
import { containerLife } from './container-life.ts';
import { commandContainerName, containerName, labelsOf } from './container-names.ts';
import { Images, imageName, type PackArchive } from './images.ts';
import { commandLogFolder, replicaLogFolder, replicaName } from './log-folders.ts';
import { Replica } from './replica.ts';
import { replicaEnv } from './replica-env.ts';
import type { Runner } from './runner.ts';

export interface ContainersOptions {
  readonly paths: Paths;
  readonly packArchive: PackArchive;
  readonly log: (event: string, details?: object) => void;
}

/** A container that the engine did not remove may run on: a release command, say. */
const retryMs = 10_000;
/** The folder of the service in an image that Causeway made. */
const workingFolder = '/app';

/** How a release with an image becomes containers of this machine's engine. */
export class Containers implements Runner {
  readonly #options: ContainersOptions;
  readonly #images: Images;
  #serial = 0;
  #engine: Engine | undefined;
  /** Those that could not be removed yet. */
  readonly #left = new Map<string, Engine>();
  readonly #removals = new Set<Promise<boolean>>();
  #retry: Timer | undefined;

  constructor(options: ContainersOptions) {
    this.#options = options;
    this.#images = new Images(options.paths, options.packArchive);
  }

  /** The engine that a command found is the one that is used from now on. */
  use(socket: string): void {
    noteEngine(this.#options.paths, socket);
    if (this.#engine?.socket !== socket) this.#engine = new Engine(socket);
  }

  async preflight({ image = '' }: Release, signal: AbortSignal): Promise<readonly Finding[]> {
    const engine = this.#find();
    await engine.about(signal);
    if (!this.#images.isStored(image)) {
      const message = `the image ${image} is not stored here`;
      return [{ isProblem: true, message, hint: 'causeway deploy stores it again' }];
    }
    await this.#images.ensure(engine, image, signal);
    return refuseRoot(image, await engine.userOf(imageName(this.#options.paths, image)));
  }

  async publish({ image = '' }: Release, signal: AbortSignal): Promise<void> {
    await this.#images.ensure(this.#find(), image, signal);
  }

  createReplica(running: Running, restarts: number, onChange: () => void): Replica {
    this.#serial += 1;
    const { paths } = this.#options;
    const { release, secretSet } = running;
    const { image = '', settings, command } = release;
    const id = replicaName(release.id, this.#serial);
    return new Replica({
      id,
      running,
      restarts,
      begin: containerLife({
        engine: () => this.#find(),
        ensureImage: async (engine, signal) => {
          this.#removeLeft();
          await this.#images.ensure(engine, image, signal);
        },
        name: containerName(paths.root, id),
        image: imageName(paths, image),
        command,
        port: settings.port,
        labels: labelsOf(paths.root, 'replica', release.id),
        env: () => replicaEnv(paths, release, secretSet),
        remove: (engine, container) => this.#remove(engine, container),
      }),
      workingFolder,
      logFolder: replicaLogFolder(paths.logs, id),
      onChange,
    });
  }

  async runOneOff(what: OneOff, signal: AbortSignal): Promise<Exit> {
    const { paths } = this.#options;
    const { release, secretSet } = what.running;
    const { command } = what;
    const engine = this.#find();
    this.#removeLeft();
    if (!what.isBegun) await this.#images.ensure(engine, release.image ?? '', signal);
    return runContainerCommand({
      what,
      engine,
      name: commandContainerName(paths.root, what.id),
      spec: () =>
        containerSpec({
          image: imageName(paths, release.image ?? ''),
          command,
          env: replicaEnv(paths, release, secretSet),
          labels: labelsOf(paths.root, 'command', release.id),
        }),
      folder: commandLogFolder(paths.logs, release.id, what.id),
      signal,
      remove: (made, container) => this.#remove(made, container),
    });
  }

  async oneOffStart({ release, secretSet }: Running): Promise<OneOffStart> {
    const { paths } = this.#options;
    const { id, image = '' } = release;
    const engine = this.#find();
    await this.#images.ensure(engine, image, new AbortController().signal);
    this.#serial += 1;
    return {
      kind: 'container',
      socket: engine.socket,
      name: containerName(paths.root, `run-${Date.now()}-${this.#serial}`),
      container: {
        image: imageName(paths, image),
        env: replicaEnv(paths, release, secretSet),
        labels: labelsOf(paths.root, 'run', id),
      },
    };
  }

  /** Takes images out of the engine that no release here needs any more. */
  async clearImages(): Promise<void> {
    if (readEngines(this.#options.paths).length > 0) await this.#images.clear(this.#find());
  }

  /** Reads no image in any more: an engine may take minutes for one. */
  close(reason: UserError): void {
    this.#images.close(reason);
  }

  /** Returns when the containers that have ended are removed. */
  async settled(): Promise<void> {
    await Promise.all(this.#removals);
  }

  #find(): Engine {
    const socket = readEngines(this.#options.paths).at(-1);
    if (socket === undefined) {
      throw new UserError({
        code: 'engine_missing',
        message: 'no Docker engine was found that could run containers',
        hint: 'causeway doctor says what was looked for',
      });
    }
    if (this.#engine?.socket !== socket) this.#engine = new Engine(socket);
    return this.#engine;
  }

  /** Whether it is gone now; a removal that fails is tried again until it is, and by the next supervisor or `down`. */
  #remove(engine: Engine, container: string): Promise<boolean> {
    const removal = this.#tryToRemove(engine, container).finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
    return removal;
  }

  async #tryToRemove(engine: Engine, container: string): Promise<boolean> {
    const wasLeft = this.#left.delete(container);
    try {
      await engine.remove(container);
      return true;
    } catch (error) {
      if (!wasLeft)
        this.#options.log('a container could not be removed', { container, because: String(error) });
      this.#left.set(container, engine);
      this.#retry ??= setTimeout(() => this.#removeLeft(), retryMs).unref();
      return false;
    }
  }

  #removeLeft(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    for (const [container, engine] of [...this.#left]) void this.#remove(engine, container);
  }
}

/** An image that Causeway built never runs as root. */
function refuseRoot(image: string, user = ''): readonly Finding[] {
  const [name = ''] = user.split(':');
  if (!['', 'root'].includes(name) && Number(name) !== 0) return [];
  const because = user === '' ? 'it names no user' : `its user is ${user}`;
  return [
    {
      isProblem: true,
      message: `the image ${shortId(image)} runs as root: ${because}`,
      hint: 'name another user in its Dockerfile: USER 65532:65532',
    },
  ];
}
