import { Command } from '@commander-js/extra-typings';

/** A command whose first word is the environment. */
export function environmentCommand(name: string, description: string) {
  return new Command(name)
    .description(description)
    .usage('[env] [flags]')
    .argument('[env]', 'the environment', 'local');
}
