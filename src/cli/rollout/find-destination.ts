import { UserError } from '../../core/errors.ts';
import type { Chosen } from '../choose-environment.ts';
import type { Destination } from '../image/destination.ts';

type Parts = Pick<Chosen, 'config' | 'environment' | 'environmentConfig' | 'name'>;

/**
 * The repository that nodes pull an image of ours from, where replicas are pods: a cloud’s own, which is waited for while
 * it `isComing`, or the config’s. Throws `repository_missing`.
 */
export async function findDestination(
  { config, environment, environmentConfig, name }: Parts,
  signal: AbortSignal,
  { isComing = false } = {},
): Promise<Destination | undefined> {
  if (environmentConfig.target === 'local') return undefined;
  const { cloud } = environment;
  const registry = await (isComing ? cloud?.comingRegistry(signal) : cloud?.registry(signal));
  if (!registry && config.image.repository === undefined) {
    throw new UserError({
      code: 'repository_missing',
      message: `${name} pulls its images from a registry, and the config names none`,
      hint: `write image: { repository: 'registry.example.com/team/${config.project}' } in the config; you are logged in as docker login left it`,
    });
  }
  const { destinationOf } = await import('../image/destination.ts');
  if (!registry) return destinationOf({}, config);
  return { ...destinationOf({ repository: registry.repository }, config), credentials: registry.enter };
}
