import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';

export function downCommand(run: Run) {
  const command = environmentCommand('down', 'takes it all away and shows the receipt').action((name) =>
    run(async (cli) => {
      const { takeDown } = await import('./down.ts');
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
