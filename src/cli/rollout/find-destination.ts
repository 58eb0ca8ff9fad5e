import { UserError } from '../../core/errors.ts';
import type { Chosen } from '../choose-environment.ts';
import type { Destination } from '../image/destination.ts';

type Parts = Pick<Chosen, 'config' | 'environmentConfig' | 'name'>;

/** The repository that nodes pull an image of ours from, where replicas are pods. Throws `repository_missing`. */
export async function findDestination({
  config,
  environmentConfig,
  name,
}: Parts): Promise<Destination | undefined> {
  if (environmentConfig.target !== 'kubernetes') return undefined;
  if (config.image.repository === undefined) {
    throw new UserError({
      code: 'repository_missing',
      message: `${name} pulls its images from a registry, and the config names none`,
      hint: `write image: { repository: 'registry.example.com/team/${config.project}' } in the config; you are logged in as docker login left it`,
    });
  }
  const { destinationOf } = await import('../image/destination.ts');
  return destinationOf({}, config);
}
