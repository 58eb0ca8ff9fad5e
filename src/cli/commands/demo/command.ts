import { Command } from '@commander-js/extra-typings';
import type { Run } from '../../cli.ts';
import { withGuide } from '../../grammar/guide.ts';

export function demoCommand(run: Run) {
  const command = new Command('demo')
    .description('the story in under a minute: good and bad releases under traffic, every request counted')
    .usage('[flags]')
    .option('--paced', 'wait before each act: for Enter on a terminal, else three seconds')
    .action(({ paced = false }) =>
      run(async (cli) => {
        const { runDemo } = await import('./demo.ts');
        return runDemo(cli, { isPaced: paced });
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway demo', shows: 'releases that are good, fail their tests, crash, and turn bad' },
      { command: 'causeway demo --paced', shows: 'the same, at the speed of who tells it' },
    ],
    about: [
      'It runs a small service in a folder and on a port of its own, touches no environment of yours, and takes itself down. It fails if any promise is broken.',
    ],
    exits: ['done', 'failed', 'interrupted'],
  });
}
