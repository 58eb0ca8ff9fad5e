import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';

export function deployCommand(run: Run) {
  const command = environmentCommand('deploy', 'rolls out the working tree where up has made an environment')
    .option('--again', 'roll out once more what serves already, tests included')
    .option(
      '--image <image>',
      'an image instead of the working tree: ref@sha256:…, or an OCI layout’s folder',
    )
    .action((name, { again, image }) =>
      run(async (cli) => {
        const { rollOutRelease } = await import('../../rollout/roll-out-release.ts');
        return rollOutRelease(cli, { name, image, makes: false, isAgain: again === true });
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway deploy', shows: 'what is in the working tree, on this machine' },
      { command: 'causeway deploy --again', shows: 'the same release once more, as if it were new' },
      {
        command: 'causeway deploy --image registry.example.com/team/shop@sha256:9f3c…',
        shows: 'what image push printed, as it was built and tested then',
      },
    ],
    about: [
      'Needs an environment that up has made: a missing one is an error. Builds the service, runs its tests, and rolls it out: one replica beside those that serve, then all of them, watched each time. While a release is tried, the stable one serves; a bad one is taken back, and the stable one never stopped.',
      'With --image nothing is built or tested: what was built elsewhere is rolled out, by its digest, with the settings of the config here. An environment of processes runs its artifact on this machine’s runtime, one of containers the image itself. Where the environment asks for signatures, the image is verified first.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'takenBack', 'unknown', 'interrupted'],
  });
}
