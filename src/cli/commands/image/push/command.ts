import { Command } from '@commander-js/extra-typings';
import type { Run } from '../../../cli.ts';
import { withGuide } from '../../../grammar/guide.ts';

export function pushCommand(run: Run) {
  const command = new Command('push')
    .description('builds, tests and pushes the image, with SBOM, provenance and signature')
    .usage('[repository] [flags]')
    .argument('[repository]', 'the repository; image.repository of the config when none is given')
    .option('--tag <tag>', 'a name for it in the repository; what is deployed is the digest')
    .option('--unsigned', 'push it without a signature')
    .action((repository, { tag, unsigned }) =>
      run(async (cli) => {
        const { pushImage } = await import('./push.ts');
        return pushImage(cli, { repository, tag, isUnsigned: unsigned === true });
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway image push', shows: 'to image.repository of the config' },
      {
        command: 'causeway image push registry.example.com/team/shop --tag v2',
        shows: 'to another, with a tag',
      },
    ],
    about: [
      'Only what the registry lacks is sent, while the tests run; the image counts as pushed when they have passed, because its index is written last. You are logged in as docker is: by its config and its credential helpers, and for ECR by the aws command.',
      'Where the config trusts keys, it is signed by one whose private half is on this machine, or in CAUSEWAY_SIGNING_KEY; where none is, nothing is pushed, unless --unsigned is given. Pushing the same again adds nothing.',
      'A signature lies in the registry, beside the image: image build --output writes none.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'interrupted'],
  });
}
