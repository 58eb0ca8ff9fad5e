import { UserError } from '../../../core/errors.ts';
import type { Cli, Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';

export function runCommand(run: Run) {
  const command = environmentCommand('run', 'runs a command in a one-off replica of the stable release')
    .usage('[env] [flags] -- <command>')
    .action((name) =>
      run(async (cli) => {
        refuseWrongUse(cli);
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
    ],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
    otherExit: 'the command’s own, which may be one of these as well',
  });
}

function refuseWrongUse({ rest, options }: Cli): void {
  if (rest.length === 0) {
    throw new UserError({
      code: 'usage_wrong',
      message: 'causeway run has no command to run',
      hint: 'give it after --: causeway run -- bun migrate.ts',
    });
  }
  if (!options.json) return;
  throw new UserError({
    code: 'usage_wrong',
    message: 'causeway run has no --json: its output is the command’s own',
    hint: 'leave --json out; the exit code is the command’s own as well',
  });
}
