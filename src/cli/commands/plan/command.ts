import { Command } from '@commander-js/extra-typings';
import type { Run } from './cli.ts';
import { withGuide } from './guide.ts';

export function planCommand(run: Run) {
  const command = new Command('plan')
    .description('what up would change and what it costs, changing nothing')
    .usage('[env] [flags]')
    .argument('[env]', 'the environment', 'local')
    .action((name) =>
      run(async (cli) => {
        const { makePlan } = await import('./make-plan.ts');
        return makePlan(cli, name);
      }),
    );
  return withGuide(command, {
    examples: [{ command: 'causeway plan', shows: 'before causeway up, on this machine' }],
    about: [
      'Builds the service to learn which release it would be, and compares its settings with those of the release that serves.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
  });
}
