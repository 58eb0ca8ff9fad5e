import { endNow, type Project, until } from '../local/project.ts';

/** As a loss of power does: everything ends at once, and nothing can tidy up. */
export async function endAll(project: Project): Promise<void> {
  await until('nothing of it runs', () => {
    const { keepers, all } = project.processes();
    const strays = project.strays();
    // Before the keepers are gone they would start supervisors again.
    for (const pid of keepers.length > 0 ? keepers : [...all, ...strays]) endNow(pid);
    return all.length + strays.length === 0;
  });
}
