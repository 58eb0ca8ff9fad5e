import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';
import { refuseWrongRest } from '../../grammar/refuse-wrong-rest.ts';

export function execCommand(run: Run) {
  const command = environmentCommand('exec', 'runs a command inside a replica that runs')
    .usage('[env] [flags] -- <command>')
    .action((name) =>
      run(async (cli) => {
        refuseWrongRest(cli, { command: 'exec', example: 'causeway exec staging -- sh' });
        const { execInReplica } = await import('./exec.ts');
        return execInReplica(cli, name);
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway exec staging -- sh', shows: 'a shell, where the image has one' },
      { command: 'causeway exec staging -- cat /proc/meminfo', shows: 'what a replica sees' },
    ],
    about: [
      'The replica is a ready one of the stable release, and goes on serving: what the command does there, it does to your users’ replica. Its root is read-only, and its image has what you put into it. On this machine replicas are processes, and run starts a command beside them.',
      'Once the command was started, the exit code is the command’s own; before that it is one of those below.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
    otherExit: 'the command’s own, which may be one of these as well',
  });
}
