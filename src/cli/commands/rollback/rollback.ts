import { findGood, lastGoodBefore } from '../../../core/record.ts';
import { type Chosen, chooseMade } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import { followRollout } from '../../rollout/follow-rollout.ts';
import { sayPlace } from '../../rollout/say-place.ts';
import { Board } from '../../terminal/board.ts';
import { labelWidthFor } from '../../terminal/step-line.ts';

/** Returns an environment to a release that was found good there. */
export async function rollBack(cli: Cli, name: string, to: string | undefined): Promise<Result> {
  const { io } = cli;
  const startedAt = io.now();
  const chosen = await chooseMade(cli, name);
  const board = new Board(io, cli.err, labelWidthFor(name));
  try {
    await sayPlace(chosen, board, io.signal);
    const trusted = chosen.environmentConfig.signed ? await trustedKeys(chosen) : undefined;
    const request = {
      ...(to === undefined ? {} : { to }),
      ...(trusted ? { trusted } : {}),
      by: io.user,
    };
    return await followRollout(cli, chosen, {
      board,
      startedAt,
      beside: 0,
      isRollback: true,
      hasHooks: hasAny(chosen) && (await changesWhatServes(chosen, to, io.signal)),
      prepare: async () => (emit) => chosen.environment.rollback(request, emit, io.signal),
    });
  } finally {
    board.close();
  }
}

/** Those that count now: what a key signed that was dropped since is nothing to return to. */
async function trustedKeys({ config, folder }: Chosen): Promise<readonly string[]> {
  const { readTrusted, shortKey } = await import('../../../image/attest/keys.ts');
  return (await readTrusted(config.image.trust, folder)).map(({ id }) => shortKey(id));
}

function hasAny({ environmentConfig: { hooks } }: Chosen): boolean {
  return hooks.before !== undefined || hooks.after !== undefined;
}

/** Whether it rolls anything out. Throws where there is nothing to return to, before a hook runs. */
async function changesWhatServes(
  { environment, name }: Chosen,
  to: string | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const { state, stable, rollout } = await environment.status(signal);
  if (state === 'absent') return false;
  if (rollout) return true;
  const records = await environment.history(signal);
  const release =
    to === undefined ? lastGoodBefore(records, stable?.release, name) : findGood(records, to, name);
  return release !== stable?.release;
}
