import { Command } from '@commander-js/extra-typings';
import type { Run } from '../../../cli.ts';
import { withGuide } from '../../../grammar/guide.ts';

export function listCommand(run: Run) {
  const command = new Command('list')
    .description('the keys that the config trusts, and which of them signs here')
    .usage('[flags]')
    .action(() =>
      run(async (cli) => {
        const { listKeys } = await import('./list.ts');
        return listKeys(cli);
      }),
    );
  return withGuide(command, {
    examples: [{ command: 'causeway keys list', shows: 'in the order of image.trust' }],
    about: ['● marks the key that image push signs with on this machine.'],
    exits: ['done', 'failed', 'wrongUsage', 'interrupted'],
  });
}
