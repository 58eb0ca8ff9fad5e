import type { Chosen } from '../choose-environment.ts';
import type { Board } from '../terminal/board.ts';

/** Says which cluster is meant, or which account of a cloud, before anything is changed there. */
export async function sayPlace(
  { environment }: Pick<Chosen, 'environment'>,
  board: Board,
  signal: AbortSignal,
): Promise<void> {
  const place = await environment.locate?.(signal);
  if (place !== undefined) board.say({ label: environment.cloud ? 'account' : 'cluster', text: place });
}
