import { UserError } from '../../core/errors.ts';
import { Engine } from '../engine/engine.ts';
import { readEngines } from '../engine/engine-note.ts';
import type { Paths } from '../paths.ts';
import { commandContainerName, filtersOf } from './container-names.ts';
import { imageRepository } from './images.ts';

/** What an environment has in an engine that it ever used. */
export interface InEngine {
  readonly socket: string;
  readonly containers: number;
  readonly images: number;
  /** In its words, why it cannot be said what is there, or why not all of it could be removed. */
  readonly trouble?: string;
}

/** How long one may take to say what it has. */
const patienceMs = 5_000;
/** The same, and how long it may take to remove that, before what serves is started. */
const hurriedMs = 4_000;

/**
 * Removes the containers that an earlier supervisor left, and waits for them to be gone, but not for an engine that
 * hangs; says how many there were. The release command of the named rollout runs on: its end is yet to be looked up.
 */
export async function removeLeftContainers(
  paths: Paths,
  rollout: string | undefined,
): Promise<readonly InEngine[]> {
  const kept = rollout === undefined ? undefined : commandContainerName(paths.root, rollout);
  return inEngines(paths, hurriedMs, async (engine) => {
    const [replicas, commands] = await Promise.all([
      engine.list(filtersOf(paths.root, 'replica'), hurriedMs),
      engine.list(filtersOf(paths.root, 'command'), hurriedMs),
    ]);
    const left = [...replicas, ...commands.filter(({ name }) => name !== kept)];
    const removals = Promise.all(left.map(({ id }) => engine.remove(id).catch(unlessBug)));
    await Promise.race([removals, Bun.sleep(hurriedMs)]);
    return { containers: left.length, images: 0 };
  });
}

/** Removes every container and image name of the environment; says what is left in each engine. */
export async function clearEngines(paths: Paths): Promise<readonly InEngine[]> {
  return inEngines(paths, patienceMs, async (engine) => {
    const troubles: string[] = [];
    const tryTo = async <T>(work: Promise<T>): Promise<T | undefined> =>
      work.catch((error: unknown) => {
        unlessBug(error);
        troubles.push((error as UserError).message);
        return undefined;
      });
    const containers = (await tryTo(engine.list(filtersOf(paths.root), patienceMs))) ?? [];
    await Promise.all(containers.map(({ id }) => tryTo(engine.remove(id))));
    const images = (await tryTo(engine.imagesOf(imageRepository(paths), patienceMs))) ?? [];
    for (const name of images) await tryTo(engine.removeImage(name));
    const left = await count(engine, paths);
    const [trouble] = left.containers + left.images > 0 ? troubles : [];
    return { ...left, ...(trouble === undefined ? {} : { trouble }) };
  });
}

/** What is there now. */
export async function countInEngines(paths: Paths): Promise<readonly InEngine[]> {
  return inEngines(paths, patienceMs, (engine) => count(engine, paths));
}

async function count(engine: Engine, paths: Paths): Promise<Pick<InEngine, 'containers' | 'images'>> {
  const containers = await engine.list(filtersOf(paths.root), patienceMs);
  const images = await engine.imagesOf(imageRepository(paths), patienceMs);
  return { containers: containers.length, images: images.length };
}

/** Asks each of them; one that answers nothing, or with an error, keeps nothing from being done elsewhere. */
function inEngines(
  paths: Paths,
  aboutMs: number,
  work: (engine: Engine) => Promise<Omit<InEngine, 'socket'>>,
): Promise<readonly InEngine[]> {
  return Promise.all(
    readEngines(paths).map(async (socket) => {
      try {
        const engine = new Engine(socket);
        await engine.about(undefined, aboutMs);
        return { socket, ...(await work(engine)) };
      } catch (error) {
        unlessBug(error);
        return { socket, containers: 0, images: 0, trouble: (error as UserError).message };
      }
    }),
  );
}

function unlessBug(error: unknown): void {
  if (!(error instanceof UserError)) throw error;
}
