import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { didYouMean } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';

interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** What commander refused, as an error of this house. */
export function toUsageError(
  program: CommandUnknownOpts,
  words: readonly string[],
  { code, message }: Refusal,
): UserError {
  const command = commandOf(program, words);
  const name = command === program ? 'causeway' : `causeway ${command.name()}`;
  if (code === 'commander.unknownCommand') return unknownCommand(program, firstPlain(words) ?? '');
  if (code === 'commander.unknownOption') return unknownFlag(command, name, words);
  if (code === 'commander.excessArguments') return tooManyWords(name, words);
  return new UserError({
    code: 'usage_wrong',
    message: message.replace(/^error: /, '').replace(/\.$/, ''),
    hint: `${name} --help shows how it is called`,
  });
}

/** Flags alone, of which one asks for a document. */
export function commandMissing(): UserError {
  return new UserError({
    code: 'usage_wrong',
    message: 'causeway --json has no command',
    hint: 'causeway help lists the commands',
  });
}

/** A word that names no command. */
export function unknownCommand(program: CommandUnknownOpts, word: string): UserError {
  const meant = didYouMean(word, [...program.commands.map((command) => command.name()), 'help']);
  return new UserError({
    code: 'usage_wrong',
    message: `unknown command ${word}`,
    hint: meant ? `did you mean causeway ${meant}?` : 'causeway help lists the commands',
  });
}

function unknownFlag(command: CommandUnknownOpts, name: string, words: readonly string[]): UserError {
  const known = flagsOf(command);
  const flag = words
    .map((word) => word.split('=')[0] ?? word)
    .find((word) => isFlag(word) && !known.includes(word));
  const meant = flag && didYouMean(flag, known);
  return new UserError({
    code: 'usage_wrong',
    message: `${name} has no flag ${flag ?? ''}`.trimEnd(),
    hint: meant ? `did you mean ${meant}?` : `${name} --help lists its flags`,
  });
}

function tooManyWords(name: string, words: readonly string[]): UserError {
  const [, , ...more] = words.filter((word, index) => isPlain(words, word, index));
  return new UserError({
    code: 'usage_wrong',
    message: `${name} takes one word, the environment; ${more.join(' ')} is too much`,
    hint: `${name} --help shows how it is called`,
  });
}

/** The command that the words name, or the program. */
function commandOf(program: CommandUnknownOpts, words: readonly string[]): CommandUnknownOpts {
  return program.commands.find((command) => command.name() === firstPlain(words)) ?? program;
}

/** The first word that is neither a flag nor a flag's value. */
function firstPlain(words: readonly string[]): string | undefined {
  return words.find((word, index) => isPlain(words, word, index));
}

function isPlain(words: readonly string[], word: string, index: number): boolean {
  return !isFlag(word) && words[index - 1] !== '--config';
}

function isFlag(word: string): boolean {
  return word.startsWith('-') && word !== '-';
}

function flagsOf(command: CommandUnknownOpts): readonly string[] {
  const options = [...command.options, ...(command.parent?.options ?? [])];
  return [...options.flatMap(({ short, long }) => [short, long]), '-h', '--help'].filter(
    (flag) => flag !== undefined,
  );
}
