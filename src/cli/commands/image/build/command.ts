import { Command } from '@commander-js/extra-typings';
import type { Run } from '../../../cli.ts';
import { withGuide } from '../../../grammar/guide.ts';

export function buildCommand(run: Run) {
  const command = new Command('build')
    .description('builds the image of the working tree and prints its digest')
    .usage('[flags]')
    .option('--output <path>', 'write it: an OCI layout folder, or a .tar for docker load')
    .option(
      '--platform <platform>',
      'of a .tar: linux/amd64 or linux/arm64; this machine’s when none is given',
    )
    .action(({ output, platform }) =>
      run(async (cli) => {
        const { showBuild } = await import('./build.ts');
        return showBuild(cli, { output, platform });
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway image build', shows: 'the digest, as image push would give it' },
      { command: 'causeway image build --output ./out', shows: 'an OCI layout, as skopeo reads it' },
      {
        command: 'causeway image build --output shop.tar && docker load --input shop.tar',
        shows: 'for an engine of yours',
      },
    ],
    about: [
      'No daemon is needed, and no test is run. The base’s digest is resolved once and noted in causeway.lock.json, which belongs to the repository. What was fetched and compressed is kept in ~/.cache/causeway, so that only a changed service is packed again.',
      'A folder or a tar holds the image alone: SBOM, provenance and signatures are attached by image push, in a registry.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'interrupted'],
  });
}
