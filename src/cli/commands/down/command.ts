import { Command } from '@commander-js/extra-typings';
import type { Run } from './cli.ts';
import { withGuide } from './guide.ts';

export function downCommand(run: Run) {
  const command = new Command('down')
    .description('takes it all away and shows the receipt')
    .usage('[env] [flags]')
    .argument('[env]', 'the environment', 'local')
    .action((name) =>
      run(async (cli) => {
        const { takeDown } = await import('./take-down.ts');
        return takeDown(cli, name);
      }),
    );
  return withGuide(command, {
    examples: [{ command: 'causeway down', shows: 'leave no process, socket or port on this machine' }],
    about: [
      'The receipt names each thing that there was and whether it is gone. Of a local environment nothing is destroyed that up does not make again, so it never asks; its history is kept.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
  });
}
