import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';
import { wholeNumber } from '../../grammar/parse-flag.ts';

export function releasesCommand(run: Run) {
  const command = environmentCommand('releases', 'what ran, and how each rollout ended')
    .option('--limit <n>', 'how many rollouts, the latest (default: 20)', wholeNumber('--limit'), 20)
    .action((name, { limit }) =>
      run(async (cli) => {
        const { listReleases } = await import('./releases.ts');
        return listReleases(cli, name, limit);
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway releases', shows: 'the last 20 rollouts on this machine, latest first' },
      { command: 'causeway releases --limit 3 --json', shows: 'the last three, to be read by a program' },
    ],
    about: [
      'A rollout that ended good is one that rollback --to can return to, as long as a copy of its release is kept: the last 20 good ones are, and of others it says not kept. ● marks the release that serves.',
      'In a cluster, what ran before a down and was taken in again by up is told as well, and its releases are not kept.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
  });
}
