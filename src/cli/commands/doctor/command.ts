import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';

export function doctorCommand(run: Run) {
  const command = environmentCommand(
    'doctor',
    'checks every prerequisite and says how to mend what is missing',
  ).action((name) =>
    run(async (cli) => {
      const { examine } = await import('./doctor.ts');
      return examine(cli, name);
    }),
  );
  return withGuide(command, {
    examples: [
      { command: 'causeway doctor', shows: 'what this machine needs' },
      { command: 'causeway doctor production', shows: 'the same, and whether you are let in there' },
    ],
    about: ['Looks, and changes nothing. Where something is missing it ends with 1.'],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
  });
}
