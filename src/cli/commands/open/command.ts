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
      { command: 'causeway open staging', shows: 'a service inside a cluster, for as long as it runs' },
      { command: 'curl "$(causeway open)"', shows: 'off a terminal the URL is only printed' },
    ],
    about: [
      'Where a service is reached inside its cluster alone, an address on 127.0.0.1 leads to it by way of the API server until Ctrl-C, for this machine alone; it is for looking, and not for users.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
  });
}
