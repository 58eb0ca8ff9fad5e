import { Command } from '@commander-js/extra-typings';
import type { Run } from '../../../cli.ts';
import { withGuide } from '../../../grammar/guide.ts';

export function initCommand(run: Run) {
  const command = new Command('init')
    .description('makes a key that signs images')
    .usage('[flags]')
    .action(() =>
      run(async (cli) => {
        const { initKey } = await import('./init.ts');
        return initKey(cli);
      }),
    );
  return withGuide(command, {
    examples: [{ command: 'causeway keys init', shows: 'and then name its public half in image.trust' }],
    about: [
      'The private half stays on this machine, in ~/.config/causeway/keys, readable by you alone, and is never printed. The public half is written to keys/ beside the config and belongs to the repository.',
      'To rotate, make another, name it last in image.trust, and drop the first when nothing that it signed is deployed any more.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'interrupted'],
  });
}
