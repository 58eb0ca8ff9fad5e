import type { Run } from '../../cli.ts';
import { groupCommand } from '../../grammar/group-command.ts';
import { withGuide } from '../../grammar/guide.ts';
import { initCommand } from './init/command.ts';
import { listCommand } from './list/command.ts';

export function keysCommand(run: Run) {
  const command = groupCommand('keys', 'makes and lists the keys that sign images', [
    initCommand(run),
    listCommand(run),
  ]);
  return withGuide(command, {
    examples: [
      { command: 'causeway keys init', shows: 'a new key; its public half belongs to the repository' },
      { command: 'causeway keys list', shows: 'the keys that the config trusts' },
    ],
    about: [],
    exits: ['done', 'failed', 'wrongUsage', 'interrupted'],
  });
}
