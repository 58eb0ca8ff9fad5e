import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';

export function downCommand(run: Run) {
  const command = environmentCommand('down', 'takes it all away and shows the receipt')
    .option('--all', 'every environment that runs on this machine, whatever became of its config')
    .option('--yes', 'take it away without asking')
    .action((name, { all, yes }) =>
      run(async (cli) => {
        const { takeAllDown, takeDown } = await import('./down.ts');
        return all ? takeAllDown(cli) : takeDown(cli, name, { isSure: yes === true });
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
    ],
    exits: ['done', 'failed', 'wrongUsage', 'cancelled', 'unknown', 'interrupted'],
  });
}
