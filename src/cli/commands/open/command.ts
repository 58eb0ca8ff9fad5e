import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';

export function openCommand(run: Run) {
  const command = environmentCommand(
    'open',
    'prints the URL, and on a terminal shows it in the browser',
  ).action((name) =>
    run(async (cli) => {
      const { openUrl } = await import('./open.ts');
      return openUrl(cli, name);
    }),
  );
  return withGuide(command, {
    examples: [
      { command: 'causeway open', shows: 'the service on this machine' },
      { command: 'curl "$(causeway open)"', shows: 'off a terminal the URL is only printed' },
    ],
    about: [],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
  });
}
