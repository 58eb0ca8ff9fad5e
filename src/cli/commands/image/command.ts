import type { Run } from '../../cli.ts';
import { groupCommand } from '../../grammar/group-command.ts';
import { withGuide } from '../../grammar/guide.ts';
import { buildCommand } from './build/command.ts';
import { inspectCommand } from './inspect/command.ts';
import { pushCommand } from './push/command.ts';
import { verifyCommand } from './verify/command.ts';

export function imageCommand(run: Run) {
  const command = groupCommand('image', 'builds, pushes, inspects and verifies images, without Docker', [
    buildCommand(run),
    pushCommand(run),
    inspectCommand(run),
    verifyCommand(run),
  ]);
  return withGuide(command, {
    examples: [
      { command: 'causeway image build', shows: 'the image of the working tree, and its digest' },
      { command: 'causeway image push', shows: 'the same to image.repository, tested and signed' },
    ],
    about: [
      'An image is what was built from the tree on the base that the config names. The same tree gives the same digest on any machine, at any time.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'interrupted'],
  });
}
