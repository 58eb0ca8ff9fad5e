import { Command } from '@commander-js/extra-typings';
import { UserError } from '../../../../core/errors.ts';
import type { Run } from '../../../cli.ts';
import { withGuide } from '../../../grammar/guide.ts';
import { imageArgument } from '../../../grammar/image-argument.ts';

export function inspectCommand(run: Run) {
  const command = new Command('inspect')
    .description('what an image is made of, and what is attached to it')
    .usage('<image> [flags]')
    .argument('<image>', imageArgument)
    .option('--sbom', 'print the SBOM alone: CycloneDX JSON')
    .option('--provenance', 'print the provenance alone: an in-toto statement')
    .action((image, { sbom, provenance }) =>
      run(async (cli) => {
        if (sbom && provenance) throw twoDocuments();
        const { inspectImage } = await import('./inspect.ts');
        return inspectImage(cli, image, sbom ? 'sbom' : provenance ? 'provenance' : undefined);
      }),
    );
  return withGuide(command, {
    examples: [
      {
        command: 'causeway image inspect registry.example.com/team/shop:v2',
        shows: 'its digest, platforms, command, provenance and signers',
      },
      { command: 'causeway image inspect ./out --sbom', shows: 'every package in it' },
    ],
    about: [
      'It tells what the image says of itself; a signature is shown as trusted or not, but the layers are not read. image verify checks all of it.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'interrupted'],
  });
}

function twoDocuments(): UserError {
  return new UserError({
    code: 'usage_wrong',
    message: 'causeway image inspect prints one document: --sbom or --provenance',
    hint: 'call it twice, or leave both out to see what there is',
  });
}
