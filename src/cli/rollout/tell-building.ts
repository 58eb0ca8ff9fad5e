import { usesImages } from '../../core/config.ts';
import type { TreeImageOptions } from '../../image/build-tree-image.ts';
import type { Chosen } from '../choose-environment.ts';
import type { Cli } from '../cli.ts';
import type { Board } from '../terminal/board.ts';

/** How the building of a release's image is told on the board; loaded where replicas are containers. */
export async function tellBuilding(
  cli: Pick<Cli, 'options'>,
  { environmentConfig }: Pick<Chosen, 'environmentConfig'>,
  board: Board,
): Promise<Pick<TreeImageOptions, 'emit' | 'fetch'>> {
  if (!usesImages(environmentConfig)) return { emit: () => {} };
  const [{ tellImage }, { traceRequests }] = await Promise.all([
    import('../image/tell-image.ts'),
    import('../image/traced-fetch.ts'),
  ]);
  return { emit: tellImage(board, 'image').emit, ...traceRequests(cli, board) };
}
