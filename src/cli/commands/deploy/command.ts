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
      'The same as up without making anything: a missing environment is an error. While a release is tried, the stable one serves; when it is bad, the stable one never stopped.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'takenBack', 'unknown', 'interrupted'],
  });
}
