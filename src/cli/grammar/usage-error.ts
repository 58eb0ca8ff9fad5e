import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { didYouMean } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import { commandAt, nameOf, programOf, treeOf } from './command-tree.ts';

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
  const { command, rest: more } = commandAt(program, plainWords(program, words));
  const name = nameOf(command);
  if (code === 'commander.unknownCommand') return unknownCommand(command, more[0] ?? '');
  if (code === 'commander.unknownOption') return wrongFlag(command, name, words);
  if (code === 'commander.optionMissingArgument') return valueMissing(command, name, words);
  if (code === 'commander.excessArguments') return tooManyWords(command, name, more);
  if (code === 'commander.missingArgument') return wordMissing(command, name);
  return new UserError({
    code: 'usage_wrong',
    message: message.replace(/^error: /, '').replace(/\.$/, ''),
    hint: helpHint(name),
  });
}

/** No command, or one of a group not said which, where a document is asked for. */
export function commandMissing(group: CommandUnknownOpts): UserError {
  return new UserError({
    code: 'usage_wrong',
    message: `${nameOf(group)} --json has no command`,
    hint: listHint(group),
  });
}

/** A word that names no command of the program, or of a group such as `image`. */
export function unknownCommand(group: CommandUnknownOpts, word: string): UserError {
  const name = nameOf(group);
  const known = group.commands.map((command) => command.name());
  const meant = didYouMean(word, group.parent ? known : [...known, 'help']);
  return new UserError({
    code: 'usage_wrong',
    message: `unknown command ${[...name.split(' ').slice(1), word].join(' ')}`,
    hint: meant ? `did you mean ${name} ${meant}?` : listHint(group),
  });
}

function listHint(group: CommandUnknownOpts): string {
  const words = ['causeway help', ...nameOf(group).split(' ').slice(1)];
  return `${words.join(' ')} lists ${group.parent ? 'its' : 'the'} commands`;
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
  const [argument] = command.registeredArguments;
  return new UserError({
    code: 'usage_wrong',
    message: argument
      ? `${name} takes one word, ${nounOf(argument)}; ${more} is too much`
      : `${name} takes no word: ${more}`,
    hint: takesCommand(command) ? `what it runs stands after --: ${name} [env] -- <command>` : helpHint(name),
  });
}

/** As `run` and `exec` do. */
function takesCommand(command: CommandUnknownOpts): boolean {
  return command.usage().includes('-- <command>');
}

function wordMissing(command: CommandUnknownOpts, name: string): UserError {
  const [argument] = command.registeredArguments;
  return new UserError({
    code: 'usage_wrong',
    message: `${name} needs ${argument ? nounOf(argument) : 'a word'}`,
    hint: argument ? `${name} <${argument.name()}>: ${formsOf(argument)}` : helpHint(name),
  });
}

/** What an argument is, without what may be written for it. */
function nounOf({ description }: { readonly description: string }): string {
  return description.split(/[:;,]/)[0] ?? '';
}

/** The rest of that: what may be written for it. */
function formsOf(argument: { readonly description: string }): string {
  const noun = nounOf(argument);
  return argument.description.slice(noun.length).replace(/^[:;,] /, '') || noun;
}

function helpHint(name: string): string {
  return `${name} --help shows how it is called`;
}

/** The words that are neither a flag nor a flag's value: the command, and what it is given. */
function plainWords(program: CommandUnknownOpts, words: readonly string[]): readonly string[] {
  const takesValue = treeOf(program)
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
  const program = programOf(command);
  const options = [...command.options, ...(program === command ? [] : program.options)].map(
    ({ short, long, flags, description }) => ({
      names: [short, long].filter((name) => name !== undefined),
      value: /<(.+)>/.exec(flags)?.[1],
      description,
    }),
  );
  return [...options, { names: ['-h', '--help'], description: '' }];
}
