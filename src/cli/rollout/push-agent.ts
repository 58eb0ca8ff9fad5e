import { UserError } from '../../core/errors.ts';
import type { Credentials } from '../../image/registry/credentials.ts';
import type { Chosen } from '../choose-environment.ts';
import type { Cli } from '../cli.ts';
import { tellImage } from '../image/tell-image.ts';
import { traceRequests } from '../image/traced-fetch.ts';
import type { Board } from '../terminal/board.ts';

export interface AgentDestination {
  readonly repository: string;
  readonly credentials: Credentials | undefined;
  readonly signal: AbortSignal;
}

/**
 * Publishes the image of the agent beside that of the service; its reference. A rollout goes without it where that
 * cannot be: it must then stay attended, which is told.
 */
export async function pushAgent(
  cli: Cli,
  { config, folder }: Pick<Chosen, 'config' | 'folder'>,
  board: Board,
  { repository, credentials, signal }: AgentDestination,
): Promise<string | undefined> {
  const { env, home, publishAgent } = cli.io;
  const { emit } = tellImage(board, 'agent');
  try {
    return await publishAgent({
      config,
      folder,
      env,
      home,
      repository,
      ...(credentials ? { credentials } : {}),
      ...traceRequests(cli, board),
      // It goes on beside the service's own, and only what ails it is told.
      emit: (event) => {
        if (event.kind === 'retrying') emit(event);
      },
      signal,
    });
  } catch (thrown) {
    if (!(thrown instanceof UserError) || signal.aborted) throw thrown;
    board.say({ label: 'agent', text: `its image could not be published: ${thrown.message}`, mood: 'bad' });
    return undefined;
  }
}
