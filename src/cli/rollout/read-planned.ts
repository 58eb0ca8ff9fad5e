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
  /** Nothing can be pulled from a registry that is not made yet. Default: it is. */
  readonly hasRegistry?: boolean;
}

/** The release that `up` would roll out, and where its image would be pulled from; pushes nothing, notes nothing. */
export async function readPlanned(
  cli: Cli,
  chosen: Chosen,
  { image, label, board, hasRegistry = true }: Planned,
): Promise<NewRelease> {
  const find = async () => (hasRegistry ? findDestination(chosen, cli.io.signal) : undefined);
  const destination = image === undefined ? await find() : undefined;
  const planned =
    image === undefined
      ? await build(cli, chosen, label, board)
      : await (await import('./take-image.ts')).takeImage(image, chosen, cli, board);
  if (planned.pullFrom !== undefined) return planned;
  const { name: pullFrom } = destination ?? (await find()) ?? {};
  return pullFrom === undefined ? planned : { ...planned, pullFrom };
}

async function build(cli: Cli, chosen: Chosen, label: string, board: Board): Promise<NewRelease> {
  refuseUnsignedTree(chosen);
  board.show(label, 'building the release');
  const how = await tellBuilding(cli, chosen, board);
  return buildRelease(chosen, cli.io, { ...how, notesBase: false });
}
