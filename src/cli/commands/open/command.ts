import { Command } from '@commander-js/extra-typings';
import type { Run } from './cli.ts';
import { withGuide } from './guide.ts';

export function openCommand(run: Run) {
  const command = new Command('open')
    .description('prints the URL, and on a terminal shows it in the browser')
    .usage('[env] [flags]')
    .argument('[env]', 'the environment', 'local')
    .action((name) =>
      run(async (cli) => {
        const { openUrl } = await import('./open-url.ts');
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
