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
  const [first = '', ...more] = plainWords(program, words);
  const command = program.commands.find((candidate) => candidate.name() === first) ?? program;
  const name = command === program ? 'causeway' : `causeway ${command.name()}`;
  if (code === 'commander.unknownCommand') return unknownCommand(program, first);
  if (code === 'commander.unknownOption') return wrongFlag(command, name, words);
  if (code === 'commander.optionMissingArgument') return valueMissing(command, name, words);
  if (code === 'commander.excessArguments') return tooManyWords(command, name, more);
  return new UserError({
    code: 'usage_wrong',
    message: message.replace(/^error: /, '').replace(/\.$/, ''),
    hint: helpHint(name),
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

/** One that is not known, or one that is known and was given a value that it does not take. */
function wrongFlag(command: CommandUnknownOpts, name: string, words: readonly string[]): UserError {
  const flags = flagsOf(command);
  const known = flags.flatMap(({ names }) => names);
  const given = words.filter(isFlag).map((word) => word.split('=')[0] ?? word);
  const unknown = given.find((flag) => !known.includes(flag) && !isJoined(flag, flags));
  if (unknown === undefined) return valueTooMuch(flags, name, words);
  const meant = meantBy(unknown, known);
  return new UserError({
    code: 'usage_wrong',
    message: `${name} has no flag ${unknown}`,
    hint: meant ? `did you mean ${meant}?` : `${name} --help lists its flags`,
  });
}

/** A short flag with its value, as in `-n5`. */
function isJoined(word: string, flags: readonly Flag[]): boolean {
  return flags.some(({ names, value }) => value !== undefined && names.includes(word.slice(0, 2)));
}

/** A letter stands for the long flags that begin with it. */
function meantBy(flag: string, known: readonly string[]): string | undefined {
  if (flag.startsWith('--')) return didYouMean(flag, known);
  const letter = flag.charAt(1).toLowerCase();
  const longs = known.filter((other) => other.startsWith(`--${letter}`));
  return longs.length === 0 ? undefined : longs.join(' or ');
}

function valueTooMuch(flags: readonly Flag[], name: string, words: readonly string[]): UserError {
  const takesNone = flags.filter(({ value }) => value === undefined).flatMap(({ names }) => names);
  const word = words.find((given) => given.includes('=') && takesNone.includes(given.split('=')[0] ?? ''));
  const [flag = '', value = ''] = word?.split(/=(.*)/s) ?? [];
  return new UserError({
    code: 'usage_wrong',
    message: word ? `${flag} takes no value: ${value || "''"}` : `${name} does not know a flag of this line`,
    hint: word ? `write ${flag} alone, or leave it out` : helpHint(name),
  });
}

function valueMissing(command: CommandUnknownOpts, name: string, words: readonly string[]): UserError {
  const at = (word: string) => flagsOf(command).find(({ names }) => names.includes(word));
  const index = words.findLastIndex((word, place) => {
    const next = words[place + 1];
    return at(word)?.value !== undefined && (next === undefined || isFlag(next));
  });
  const word = words[index] ?? '';
  const { value = 'value', description = '' } = at(word) ?? {};
  return new UserError({
    code: 'usage_wrong',
    message: `${word} needs ${withArticle(value === 'n' ? 'number' : value)}`,
    hint: description ? `${word} <${value}>: ${description}` : helpHint(name),
  });
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

function tooManyWords(command: CommandUnknownOpts, name: string, words: readonly string[]): UserError {
  const most = command.registeredArguments.length;
  const more = words.slice(most).join(' ');
  return new UserError({
    code: 'usage_wrong',
    message:
      most === 0
        ? `${name} takes no word: ${more}`
        : `${name} takes one word, the environment; ${more} is too much`,
    hint: helpHint(name),
  });
}

function helpHint(name: string): string {
  return `${name} --help shows how it is called`;
}

/** The words that are neither a flag nor a flag's value: the command, and what it is given. */
function plainWords(program: CommandUnknownOpts, words: readonly string[]): readonly string[] {
  const takesValue = program.commands
    .flatMap((command) => flagsOf(command))
    .filter(({ value }) => value !== undefined)
    .flatMap(({ names }) => names);
  return words.filter((word, index) => !isFlag(word) && !takesValue.includes(words[index - 1] ?? ''));
}

function isFlag(word: string): boolean {
  return word.startsWith('-') && word !== '-';
}

interface Flag {
  readonly names: readonly string[];
  /** What it calls its value, if it takes one. */
  readonly value?: string | undefined;
  readonly description: string;
}

function flagsOf(command: CommandUnknownOpts): readonly Flag[] {
  const options = [...command.options, ...(command.parent?.options ?? [])].map(
    ({ short, long, flags, description }) => ({
      names: [short, long].filter((name) => name !== undefined),
      value: /<(.+)>/.exec(flags)?.[1],
      description,
    }),
  );
  return [...options, { names: ['-h', '--help'], description: '' }];
}
