import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';
import { refuseWrongRest } from '../../grammar/refuse-wrong-rest.ts';

export function runCommand(run: Run) {
  const command = environmentCommand('run', 'runs a command in a one-off replica of the stable release')
    .usage('[env] [flags] -- <command>')
    .action((name) =>
      run(async (cli) => {
        refuseWrongRest(cli, { command: 'run', example: 'causeway run -- bun migrate.ts' });
        const { runOneOff } = await import('./run.ts');
        return runOneOff(cli, name);
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway run -- bun migrate.ts', shows: 'with the variables and secrets of the release' },
      { command: 'causeway run production -- env', shows: 'what a replica there is given' },
    ],
    about: [
      'The replica receives no traffic, and what serves is not touched. Once the command was started, the exit code is the command’s own; before that it is one of those below.',
      'In a cluster, without a terminal, what it prints is taken from its log, so that nothing is missed: standard output and standard error come as one. Of a command that ends while a hundred kilobytes it printed are still on their way, a node whose containerd is older than mid-2023 may drop the last of them, kubectl run’s as well.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
    otherExit: 'the command’s own, which may be one of these as well',
  });
}
