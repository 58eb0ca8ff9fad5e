import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';

export function rollbackCommand(run: Run) {
  const command = environmentCommand(
    'rollback',
    'returns to the last good release before this one, or to a named one',
  )
    .option('--to <release>', 'the release to return to, by the start of its id')
    .action((name, { to }) =>
      run(async (cli) => {
        const { rollBack } = await import('./rollback.ts');
        return rollBack(cli, name, to);
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway rollback', shows: 'to the last good release before the one that serves' },
      {
        command: 'causeway rollback --to 4be21c0',
        shows: 'to any release that causeway releases shows as good',
      },
    ],
    about: [
      'Nothing is built: the release was found good here, so all its replicas start at once beside the stable ones, which go when all are ready. It uses the secrets that the environment has now.',
      'During a deploy it takes the candidate out, and that is all unless --to is given. A rollback to the same release that is under way is joined.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'takenBack', 'unknown', 'interrupted'],
  });
}
