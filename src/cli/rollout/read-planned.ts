import type { Chosen } from '../choose-environment.ts';
import type { Cli } from '../cli.ts';
import type { Board } from '../terminal/board.ts';
import { buildRelease, type NewRelease } from './build-release.ts';
import { findDestination } from './find-destination.ts';
import { refuseUnsignedTree } from './refuse-unsigned-tree.ts';
import { tellBuilding } from './tell-building.ts';

interface Planned {
  /** The image, as the user names it. Default: what is in the working tree. */
  readonly image: string | undefined;
  /** Of the step on the board. */
  readonly label: string;
  readonly board: Board;
}

/** The release that `up` would roll out, and where its image would be pulled from; pushes nothing, notes nothing. */
export async function readPlanned(
  cli: Cli,
  chosen: Chosen,
  { image, label, board }: Planned,
): Promise<NewRelease> {
  const destination = image === undefined ? await findDestination(chosen) : undefined;
  const planned =
    image === undefined
      ? await build(cli, chosen, label, board)
      : await (await import('./take-image.ts')).takeImage(image, chosen, cli, board);
  if (planned.pullFrom !== undefined) return planned;
  const { name: pullFrom } = destination ?? (await findDestination(chosen)) ?? {};
  return pullFrom === undefined ? planned : { ...planned, pullFrom };
}

async function build(cli: Cli, chosen: Chosen, label: string, board: Board): Promise<NewRelease> {
  refuseUnsignedTree(chosen);
  board.show(label, 'building the release');
  const how = await tellBuilding(cli, chosen, board);
  return buildRelease(chosen, cli.io, { ...how, notesBase: false });
}
