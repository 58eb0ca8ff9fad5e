import { Command } from '@commander-js/extra-typings';
import type { Run } from './cli.ts';
import { withGuide } from './guide.ts';

export function doctorCommand(run: Run) {
  const command = new Command('doctor')
    .description('checks every prerequisite and says how to mend what is missing')
    .usage('[env] [flags]')
    .argument('[env]', 'the environment', 'local')
    .action((name) =>
      run(async (cli) => {
        const { examine } = await import('./examine.ts');
        return examine(cli, name);
      }),
    );
  return withGuide(command, {
    examples: [{ command: 'causeway doctor', shows: 'what this machine needs' }],
    about: [],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
  });
}
