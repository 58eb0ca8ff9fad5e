import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';

/** A command that only holds others: `causeway image`. */
export function groupCommand(name: string, description: string, commands: readonly CommandUnknownOpts[]) {
  const group = new Command(name).description(description).usage('<command> [flags]').helpCommand(false);
  for (const command of commands) group.addCommand(command.helpOption('-h, --help', 'explain the command'));
  return group;
}
