import { Command } from '@commander-js/extra-typings';
import type { Run } from '../../../cli.ts';
import { withGuide } from '../../../grammar/guide.ts';
import { imageArgument } from '../../../grammar/image-argument.ts';

export function verifyCommand(run: Run) {
  const command = new Command('verify')
    .description('checks image, layers, SBOM, provenance and signature')
    .usage('<image> [flags]')
    .argument('<image>', imageArgument)
    .action((image) =>
      run(async (cli) => {
        const { verify } = await import('./verify.ts');
        return verify(cli, image);
      }),
    );
  return withGuide(command, {
    examples: [
      {
        command: 'causeway image verify registry.example.com/team/shop@sha256:9f3c…',
        shows: 'what image push printed',
      },
      {
        command: 'causeway image verify ./out',
        shows: 'in an OCI layout, which has no signature unless one was copied into it',
      },
    ],
    about: [
      'Every byte is read and compared with the digest that names it, and each signature must be by a key of image.trust. From a registry the image is named by its digest: a tag may point elsewhere a moment later.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'interrupted'],
  });
}
