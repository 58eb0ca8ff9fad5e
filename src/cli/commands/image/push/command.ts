import { Command } from '@commander-js/extra-typings';
import type { Run } from '../../../cli.ts';
import { withGuide } from '../../../grammar/guide.ts';

export function pushCommand(run: Run) {
  const command = new Command('push')
    .description('builds, tests and pushes the image, with SBOM, provenance and signature')
    .usage('[repository] [flags]')
    .argument('[repository]', 'the repository; image.repository of the config when none is given')
    .option('--tag <tag>', 'a name for it in the repository; what is deployed is the digest')
    .action((repository, { tag }) =>
      run(async (cli) => {
        const { pushImage } = await import('./push.ts');
        return pushImage(cli, { repository, tag });
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
      'It is signed where the config trusts a key whose private half is on this machine, or in CAUSEWAY_SIGNING_KEY. Pushing the same again adds nothing.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'interrupted'],
  });
}
