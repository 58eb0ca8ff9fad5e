import { Command } from '@commander-js/extra-typings';
import type { Run } from './cli.ts';
import { withGuide } from './guide.ts';

export function statusCommand(run: Run) {
  const command = new Command('status')
    .description('what runs: release, replicas, a rollout under way')
    .usage('[env] [flags]')
    .argument('[env]', 'the environment', 'local')
    .option('--watch', 'go on showing it, whenever it changes; with --json one document a line')
    .action((name, { watch }) =>
      run(async (cli) => {
        const { chooseEnvironment } = await import('./choose-environment.ts');
        const { showStatus } = await import('./show-status.ts');
        const { environment } = await chooseEnvironment(cli, name);
        if (watch) {
          const { watchStatus } = await import('./watch-status.ts');
          return watchStatus(cli, environment);
        }
        const status = await environment.status(cli.io.signal);
        return { json: status, lines: showStatus(status, { style: cli.out, now: cli.io.now() }) };
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway status', shows: 'on this machine' },
      { command: 'causeway status --watch', shows: 'a rollout as it goes, or a replica as it comes back' },
    ],
    about: ['An environment that is not up is an answer as well, and exits 0; --json tells it by its state.'],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
  });
}
