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
    examples: [{ command: 'causeway doctor', shows: 'what this machine needs' }],
    about: [],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
  });
}
