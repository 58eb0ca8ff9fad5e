import { Board } from './board.ts';
import { chooseEnvironment } from './choose-environment.ts';
import type { Cli, Result } from './cli.ts';
import { followRollout, hookEnv } from './follow-rollout.ts';
import { runBefore } from './run-hook.ts';

/** Returns an environment to a release that was found good there. */
export async function rollBack(cli: Cli, name: string, to: string | undefined): Promise<Result> {
  const { io } = cli;
  const startedAt = io.now();
  const chosen = await chooseEnvironment(cli, name);
  const board = new Board(io, cli.err);
  const request = { ...(to === undefined ? {} : { to }), by: io.user, config: chosen.environmentConfig };
  try {
    await runBefore(cli, { ...chosen, env: hookEnv(chosen, undefined) }, board, io.signal);
    return await followRollout(cli, chosen, {
      board,
      startedAt,
      beside: 0,
      isRollback: true,
      act: (emit) => chosen.environment.rollback(request, emit, io.signal),
    });
  } finally {
    board.close();
  }
}
