import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';

export function downCommand(run: Run) {
  const command = environmentCommand('down', 'takes it all away and shows the receipt')
    .option('--all', 'every environment that runs on this machine, whatever became of its config')
    .option('--yes', 'take it away without asking')
    .option('--dry-run', 'of an environment in a cloud: show what there is, and take nothing away')
    .action((name, { all, yes, dryRun }) =>
      run(async (cli) => {
        const { takeAllDown, takeDown } = await import('./down.ts');
        return all ? takeAllDown(cli) : takeDown(cli, name, { isSure: yes === true, isDry: dryRun === true });
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway down', shows: 'leave no process, socket or port on this machine' },
      { command: 'causeway down staging --yes', shows: 'take an environment off its cluster, unasked' },
      { command: 'causeway down --all', shows: 'the same for every project of yours that runs here' },
    ],
    about: [
      'The receipt names each thing that there was and whether it is gone. Of a local environment nothing is destroyed that up does not make again, so it never asks. Its logs and secrets go; its history and the last good releases are kept.',
      'Of an environment in a cluster it asks for the name, or takes --yes: its users lose the service, and its releases go. What Causeway did not make is left, and a namespace with it; the history is written to a file on this machine, which the receipt names, and the next up takes it in again.',
      'Of an environment in an account of a cloud it notes first what there is, then takes away what runs, the cluster and all beside it, and asks the account again for each kind of thing, by tag and by name. The receipt says what is gone, what is left with its price a month and the command that removes it, and is written to a file.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'cancelled', 'unknown', 'interrupted'],
  });
}
