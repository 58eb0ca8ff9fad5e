import type { Cluster } from '../cluster/cluster.ts';
import { mustEnd, until } from '../local/project.ts';
import { makeProject, type Project, type ProjectOptions } from './project.ts';

/** A project whose first release serves, found good without a watch. */
export async function serving(cluster: Cluster, options: ProjectOptions = {}): Promise<Project> {
  const bake = options.environment?.bake ?? '1s';
  const project = await makeProject(cluster, {
    ...options,
    environment: { ...options.environment, bake: '0s' },
  });
  await mustEnd(project.causeway('up'));
  project.configure({ environment: { bake } });
  return project;
}

/** Until so many replicas are left, all of them ready and of one release. */
export function settled(project: Project, { replicas: wanted = 2, withinMs = 60_000 } = {}): Promise<void> {
  return until(
    `${wanted} replicas of one release are left`,
    async () => {
      const replicas = await project.replicas();
      const isOne = new Set(replicas.map(({ release }) => release)).size === 1;
      return (
        isOne &&
        replicas.length === wanted &&
        replicas.every(({ isReady, isLeaving }) => isReady && !isLeaving)
      );
    },
    { withinMs },
  );
}

/** Until a replica beside those of the stable release is ready. */
export function candidateReady(project: Project, stable: string): Promise<void> {
  return until('the candidate is ready', async () =>
    (await project.replicas()).some(({ release, isReady }) => isReady && !release.startsWith(stable)),
  );
}
