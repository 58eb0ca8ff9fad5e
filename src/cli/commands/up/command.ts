import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';

export function upCommand(run: Run) {
  const command = environmentCommand('up', 'makes what is missing, then rolls out the working tree')
    .option('--again', 'roll out once more what serves already, tests included')
    .action((name, { again }) =>
      run(async (cli) => {
        const { rollOutTree } = await import('../../rollout/roll-out-tree.ts');
        return rollOutTree(cli, { name, makes: true, isAgain: again === true });
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway up', shows: 'on this machine' },
      { command: 'causeway up --again', shows: 'the same release once more, as if it were new' },
    ],
    about: [
      'Builds the service, runs its tests, and rolls it out: one replica beside those that serve, then all of them, watched each time. A release that is bad is taken back by itself. Safe to repeat: where nothing changed, nothing is done.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'takenBack', 'unknown', 'interrupted'],
  });
}
