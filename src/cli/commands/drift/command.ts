import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';

export function driftCommand(run: Run) {
  const command = environmentCommand('drift', 'what differs from what was rolled out').action((name) =>
    run(async (cli) => {
      const { showDrift } = await import('./drift.ts');
      return showDrift(cli, name);
    }),
  );
  return withGuide(command, {
    examples: [{ command: 'causeway drift staging', shows: 'what somebody else changed there' }],
    about: [
      'Compares the objects of an environment in a cluster with what Causeway put there: a field of ours that has another value, an object that is missing, and whatever was added to the template of the pods. Fields of other owners elsewhere are theirs. Where there is drift, it ends with 1; causeway up puts right what is in a cluster; what CloudFormation made is changed back by hand. Of an environment in a cloud whose cluster does not answer, what differs in its account is told all the same. On this machine the supervisor keeps what runs, and there is nothing to compare.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
  });
}
