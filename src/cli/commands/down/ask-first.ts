import { UserError } from '../../../core/errors.ts';
import type { Chosen } from '../../choose-environment.ts';
import type { Cli } from '../../cli.ts';
import { Interrupted } from '../../interrupted.ts';
import { sayPlace } from '../../rollout/say-place.ts';
import { Board } from '../../terminal/board.ts';
import { labelWidthFor } from '../../terminal/step-line.ts';

/** Asks for the environment's name where `down` takes away what `up` does not make again. Throws unless it is typed. */
export async function askFirst(
  { io, err, options }: Cli,
  chosen: Pick<Chosen, 'name' | 'environment' | 'environmentConfig'>,
  isSure: boolean,
): Promise<void> {
  const { name, environmentConfig } = chosen;
  if (environmentConfig.target === 'local') return;
  const board = new Board(io, err, labelWidthFor(name));
  try {
    await sayPlace(chosen, board, io.signal);
  } finally {
    board.close();
  }
  const what =
    environmentConfig.target === 'aws'
      ? ', its cluster and all in it away for good'
      : ' off its cluster for good';
  if (isSure) return;
  if (!io.ask || options.json) {
    throw new UserError({
      code: 'usage_wrong',
      message: `down takes ${name}${what}, and there is nobody to ask`,
      hint: `causeway down ${name} --yes, if that is what you want`,
    });
  }
  const typed = await io.ask(`type ${name} to take it${what}: `);
  if (io.signal.aborted) throw new Interrupted('nothing was taken away');
  if (typed === name) return;
  throw new UserError({
    code: 'not_confirmed',
    message: typed === '' ? `${name} was not typed` : `'${typed}' is not ${name}`,
    hint: `nothing was taken away; causeway status ${name} shows what runs`,
  });
}
