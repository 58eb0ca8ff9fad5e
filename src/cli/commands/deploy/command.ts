import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';

export function deployCommand(run: Run) {
  const command = environmentCommand('deploy', 'rolls out the working tree where up has made an environment')
    .option('--again', 'roll out once more what serves already, tests included')
    .action((name, { again }) =>
      run(async (cli) => {
        const { rollOutTree } = await import('../../rollout/roll-out-tree.ts');
        return rollOutTree(cli, { name, makes: false, isAgain: again === true });
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway deploy', shows: 'what is in the working tree, on this machine' },
      { command: 'causeway deploy --again', shows: 'the same release once more, as if it were new' },
    ],
    about: [
      'Needs an environment that up has made: a missing one is an error. Builds the service, runs its tests, and rolls it out: one replica beside those that serve, then all of them, watched each time. While a release is tried, the stable one serves; a bad one is taken back, and the stable one never stopped.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'takenBack', 'unknown', 'interrupted'],
  });
}
