import { Command } from '@commander-js/extra-typings';
import packageJson from '../../package.json' with { type: 'json' };
import type { Run } from './cli.ts';
import { demoCommand } from './commands/demo/command.ts';
import { deployCommand } from './commands/deploy/command.ts';
import { doctorCommand } from './commands/doctor/command.ts';
import { downCommand } from './commands/down/command.ts';
import { driftCommand } from './commands/drift/command.ts';
import { execCommand } from './commands/exec/command.ts';
import { imageCommand } from './commands/image/command.ts';
import { keysCommand } from './commands/keys/command.ts';
import { logsCommand } from './commands/logs/command.ts';
import { openCommand } from './commands/open/command.ts';
import { planCommand } from './commands/plan/command.ts';
import { releasesCommand } from './commands/releases/command.ts';
import { renderCommand } from './commands/render/command.ts';
import { rollbackCommand } from './commands/rollback/command.ts';
import { runCommand } from './commands/run/command.ts';
import { statusCommand } from './commands/status/command.ts';
import { upCommand } from './commands/up/command.ts';
import { withGuide } from './grammar/guide.ts';

export const { version } = packageJson;

/** In the order of help: what is done every day first. A new command is a folder, its import, and a line here. */
const commands = [
  upCommand,
  deployCommand,
  statusCommand,
  rollbackCommand,
  downCommand,
  planCommand,
  driftCommand,
  releasesCommand,
  logsCommand,
  openCommand,
  runCommand,
  execCommand,
  renderCommand,
  imageCommand,
  keysCommand,
  demoCommand,
  doctorCommand,
] as const;

/** The grammar of the command line; `run` is given the action of the command that was called. */
export function makeProgram(run: Run) {
  const program = new Command('causeway')
    .description('Causeway deploys a service without losing a request')
    .usage('<command> [env] [flags]')
    .option('--config <file>', 'the config; else causeway.config.ts in this folder or one above it')
    .option('--context <name>', 'the context of your kubeconfig; else the one that the config names')
    .option('--verbose', 'show the requests and processes behind each step')
    .option('--json', 'stdout is one JSON document; errors too')
    .option('--no-color', 'no colour; NO_COLOR and FORCE_COLOR are honoured as well')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'explain the command')
    .helpCommand('help [command]', 'explain a command')
    .showSuggestionAfterError(false);
  for (const command of commands)
    program.addCommand(command(run).helpOption('-h, --help', 'explain the command'));
  return withGuide(program, {
    examples: [
      { command: 'causeway up', shows: 'bring the service up on this machine, or roll out what changed' },
      { command: 'causeway status production', shows: 'what runs in an environment of the config' },
      { command: 'causeway rollback', shows: 'return to the last good release before this one' },
    ],
    about: [
      'The first word after a command is the environment, but for image and keys; local when none is given. On stdout stands the result, on stderr what is said on the way.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'takenBack', 'cancelled', 'unknown', 'interrupted'],
  });
}
