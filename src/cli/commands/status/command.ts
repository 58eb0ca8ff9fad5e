import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';

export function statusCommand(run: Run) {
  const command = environmentCommand('status', 'what runs: release, replicas, a rollout under way')
    .option('--watch', 'go on showing it, whenever it changes; with --json one document a line')
    .option('--all', 'every environment that was made on this machine, in one line each')
    .action((name, { watch, all }) =>
      run(async (cli) => {
        if (all) {
          const { showAll } = await import('./show-all.ts');
          return showAll(cli);
        }
        const { chooseMade } = await import('../../choose-environment.ts');
        const { nextAfter, showStatus } = await import('./show-status.ts');
        const { columnsOf } = await import('../../io.ts');
        const { labelWidthFor } = await import('../../terminal/step-line.ts');
        const { environment } = await chooseMade(cli, name);
        if (watch) {
          const { watchStatus } = await import('./watch-status.ts');
          return watchStatus(cli, environment);
        }
        const status = await environment.status(cli.io.signal).catch(async (error: unknown) => {
          const { withoutCluster } = await import('./without-cluster.ts');
          return withoutCluster(cli, environment, error);
        });
        if ('error' in status) return status;
        const { io, out } = cli;
        const lines = showStatus(status, { style: out, now: io.now(), columns: columnsOf(io.stdout) });
        return {
          json: status,
          lines,
          next: nextAfter(status),
          labelWidth: labelWidthFor(name),
        };
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway status', shows: 'on this machine' },
      { command: 'causeway status --all', shows: 'all that you ever made here, and what of it runs' },
      { command: 'causeway status --watch', shows: 'a rollout as it goes, or a replica as it comes back' },
    ],
    about: [
      'An environment that is not up is an answer as well, and exits 0; --json tells it by its state.',
      'Of an environment in an account of a cloud it tells as well what that has cost by the table of prices, and when it deletes itself.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
  });
}
