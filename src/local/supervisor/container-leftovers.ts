import { UserError } from '../../core/errors.ts';
import { Engine } from '../engine/engine.ts';
import { readEngines } from '../engine/engine-note.ts';
import type { Paths } from '../paths.ts';
import { type ContainerKind, filtersOf } from './container-names.ts';
import { imageRepository } from './images.ts';

/** What an environment has in the engines that it ever used. */
export interface EngineContent {
  readonly containers: number;
  readonly images: number;
  /** The sockets of the engines that did not answer. */
  readonly silent: readonly string[];
}

/** An engine that hangs must not keep what serves from starting. */
const patienceMs = 5_000;

/** Removes the containers that an earlier supervisor left, and waits for them to be gone; says how many there were. */
export async function removeReplicaContainers(paths: Paths): Promise<number> {
  const { containers } = await removeContainers(paths, 'replica').catch(nothingIfAway);
  return containers;
}

/** Removes every container and image name of the environment; says what is left. */
export async function clearEngines(paths: Paths): Promise<EngineContent> {
  const { silent } = await removeContainers(paths);
  for (const engine of enginesOf(paths).filter(({ socket }) => !silent.includes(socket))) {
    for (const name of await engine.imagesOf(imageRepository(paths)))
      await engine.removeImage(name).catch(unlessBug);
  }
  return countInEngines(paths);
}

/** What is there now. */
export async function countInEngines(paths: Paths): Promise<EngineContent> {
  return sum(
    await Promise.all(
      enginesOf(paths).map((engine) =>
        unlessSilent(engine, async () => ({
          containers: (await engine.list(filtersOf(paths.root), patienceMs)).length,
          images: (await engine.imagesOf(imageRepository(paths))).length,
        })),
      ),
    ),
  );
}

async function removeContainers(paths: Paths, kind?: ContainerKind): Promise<EngineContent> {
  return sum(
    await Promise.all(
      enginesOf(paths).map((engine) =>
        unlessSilent(engine, async () => {
          const found = await engine.list(filtersOf(paths.root, kind), patienceMs);
          await Promise.all(found.map((id) => engine.remove(id).catch(unlessBug)));
          return { containers: found.length, images: 0 };
        }),
      ),
    ),
  );
}

function enginesOf(paths: Paths): readonly Engine[] {
  return readEngines(paths).map((socket) => new Engine(socket));
}

async function unlessSilent(
  engine: Engine,
  work: () => Promise<Omit<EngineContent, 'silent'>>,
): Promise<EngineContent> {
  try {
    await engine.about(undefined, patienceMs);
    return { ...(await work()), silent: [] };
  } catch (error) {
    if (!(error instanceof UserError && error.code === 'engine_missing')) throw error;
    return { containers: 0, images: 0, silent: [engine.socket] };
  }
}

function sum(contents: readonly EngineContent[]): EngineContent {
  return {
    containers: contents.reduce((count, { containers }) => count + containers, 0),
    images: contents.reduce((count, { images }) => count + images, 0),
    silent: contents.flatMap(({ silent }) => silent),
  };
}

/** What is left is counted, and told. */
function unlessBug(error: unknown): void {
  if (!(error instanceof UserError)) throw error;
}

function nothingIfAway(error: unknown): EngineContent {
  if (!(error instanceof UserError)) throw error;
  return { containers: 0, images: 0, silent: [] };
}
