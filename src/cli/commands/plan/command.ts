import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';

export function planCommand(run: Run) {
  const command = environmentCommand('plan', 'what up would change and what it costs, changing nothing')
    .option(
      '--image <image>',
      'of an image instead of the working tree: ref@sha256:…, or an OCI layout’s folder',
    )
    .action((name, { image }) =>
      run(async (cli) => {
        const { makePlan } = await import('./plan.ts');
        return makePlan(cli, name, image);
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway plan', shows: 'before causeway up, on this machine' },
      {
        command: 'causeway plan production',
        shows: 'what an environment in your account would be, and cost',
      },
    ],
    about: [
      'Builds the service to learn which release it would be, and compares its settings with those of the release that serves. Where replicas are containers, it fetches what their image needs into ~/.cache/causeway, and notes nothing in causeway.lock.json.',
      'Of an environment in a cluster it shows, field by field, what would change in its objects as the API server itself says; nothing is pushed.',
      'Of an environment in an account of a cloud it shows the changes of each stack, the price by line with the month that it was collected in, what that comes to until the environment deletes itself, and what the budget watches. It takes rights to read alone.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
  });
}
