import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';
import { moment, wholeNumber } from '../../grammar/parse-flag.ts';

const defaultLines = 100;

export function logsCommand(run: Run) {
  const command = environmentCommand(
    'logs',
    'what replicas print, as far as it is kept of those that are gone as well',
  )
    .option('-f, --follow', 'go on with what is printed from now on; with --json one line a document')
    .option('--since <time>', 'no older than this: a span such as 5m, or a date such as 2026-07-01T09:30:00Z')
    .option('--release <id>', 'of this release alone, by the start of its id')
    .option(
      '-n, --lines <n>',
      `how many lines at most, the latest (default: ${defaultLines}, all with --since)`,
      wholeNumber('--lines'),
    )
    .action((name, { follow, since, release, lines }) =>
      run(async (cli) => {
        const from = since === undefined ? undefined : moment('--since', since, cli.io.now());
        const most = lines ?? (from === undefined ? defaultLines : undefined);
        const { readLogs } = await import('./logs.ts');
        return readLogs(cli, name, {
          follow: follow === true,
          ...from,
          ...(release === undefined ? {} : { release }),
          ...(most === undefined ? {} : { lines: most }),
        });
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway logs -f', shows: 'go on until Ctrl-C' },
      { command: 'causeway logs --since 5m', shows: 'of the last five minutes' },
      { command: 'causeway logs --release 4be21c0', shows: 'of a release that was taken back, too' },
    ],
    about: [
      'On this machine the logs of replicas that are gone are there until the environment is taken down, the oldest cleared first. A cluster keeps none: of a release that has no replica there any more, --release prints the last lines that the record of its rollout kept, less than 1 kB, and says so.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
  });
}
