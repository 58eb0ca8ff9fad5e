import type { CommandUnknownOpts } from '@commander-js/extra-typings';

/** A command with all that are below it; groups, such as `image`, among them. */
export function treeOf(command: CommandUnknownOpts): readonly CommandUnknownOpts[] {
  return [command, ...command.commands.flatMap(treeOf)];
}

/** Those of a program that do something, in the order of help. */
export function callableOf(program: CommandUnknownOpts): readonly CommandUnknownOpts[] {
  return treeOf(program).filter((command) => !isGroup(command));
}

/** Whether it only holds others. */
export function isGroup({ commands }: CommandUnknownOpts): boolean {
  return commands.length > 0;
}

/** The command that the first words name, as far as they do, and the words behind it. */
export function commandAt(
  above: CommandUnknownOpts,
  words: readonly string[],
): { readonly command: CommandUnknownOpts; readonly rest: readonly string[] } {
  const [word, ...rest] = words;
  const found = above.commands.find((command) => command.name() === word);
  return found ? commandAt(found, rest) : { command: above, rest: words };
}

/** As it is called: `causeway image build`. */
export function nameOf(command: CommandUnknownOpts): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}

export function programOf(command: CommandUnknownOpts): CommandUnknownOpts {
  return command.parent ? programOf(command.parent) : command;
}
