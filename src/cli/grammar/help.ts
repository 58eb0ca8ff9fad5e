import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { exitCodeMeanings, exitCodes } from '../../core/errors.ts';
import { callAs } from '../terminal/call-as.ts';
import { nameOf, programOf } from './command-tree.ts';
import { type Example, guideOf } from './guide.ts';

type Row = readonly [term: string, text: string];

export interface Shown {
  readonly columns: number;
  /** How Causeway was called. */
  readonly call: string;
}

/** The help of one command, or of the program: examples first. */
export function formatHelp(command: CommandUnknownOpts, { columns, call }: Shown): string {
  const examples = (guideOf(command)?.examples ?? []).map((example) => toRow(example, call));
  const about = (guideOf(command)?.about ?? []).map((paragraph) =>
    wrap(callAs(call, paragraph), columns).join('\n'),
  );
  return [
    wrap(callAs(call, titleOf(command)), columns).join('\n'),
    section('', examples, columns),
    ...about,
    `usage: ${callAs(call, usageOf(command))}`,
    section('commands:', commandRows(command), columns),
    section('arguments:', argumentRows(command), columns),
    section('flags:', flagRows(command), columns),
    section('flags of every command:', sharedFlagRows(command), columns),
    section('exit codes:', exitRows(command), columns),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n');
}

/** What bare `causeway` shows: the everyday commands. */
export function formatOverview(program: CommandUnknownOpts, { columns, call }: Shown): string {
  const everyday = ['up', 'deploy', 'status', 'rollback', 'down', 'demo'];
  const rows = everyday.flatMap((name): Row[] => {
    const command = program.commands.find((other) => other.name() === name);
    return command ? [[callAs(call, `causeway ${name}`), command.description()]] : [];
  });
  return [
    wrap(`${program.description()}.`, columns).join('\n'),
    section('', rows, columns),
    wrap(
      callAs(call, 'causeway help lists every command · causeway help <command> explains one'),
      columns,
    ).join('\n'),
    '',
  ]
    .join('\n\n')
    .trimEnd()
    .concat('\n');
}

export function usageOf(command: CommandUnknownOpts): string {
  return `${nameOf(command)} ${command.usage()}`;
}

export function argumentRows(command: CommandUnknownOpts): readonly Row[] {
  return command.registeredArguments
    .filter(({ description }) => description)
    .map((argument) => [argument.name(), argument.description]);
}

export function flagRows(command: CommandUnknownOpts): readonly Row[] {
  return command.options
    .filter(({ hidden }) => !hidden)
    .map(({ flags, description }) => [flags, description]);
}

/** Those that the program gives to each of its commands. */
function sharedFlagRows(command: CommandUnknownOpts): readonly Row[] {
  if (!command.parent) return [];
  return flagRows(programOf(command)).filter(([flags]) => flags !== '--version');
}

export function exitRows(command: CommandUnknownOpts): readonly Row[] {
  const { exits = [], otherExit } = guideOf(command) ?? {};
  const own = exits.map((name): Row => [String(exitCodes[name]), exitCodeMeanings[name]]);
  return otherExit === undefined ? own : [...own, ['any', otherExit]];
}

function titleOf(command: CommandUnknownOpts): string {
  return command.parent ? `${nameOf(command)}: ${command.description()}` : `${command.description()}.`;
}

function commandRows(command: CommandUnknownOpts): readonly Row[] {
  return command.commands.map((child) => [child.name(), child.description()]);
}

function toRow({ command, shows }: Example, call: string): Row {
  return [`$ ${callAs(call, command)}`, shows];
}

const longestTerm = 44;

/** Two columns; a term that is too long for its column has a line of its own. */
function section(title: string, rows: readonly Row[], columns: number): string {
  if (rows.length === 0) return '';
  const fitting = rows.map(([term]) => term.length).filter((length) => length <= longestTerm);
  const indent = Math.max(0, ...fitting) + 4;
  const lines = rows.flatMap(([term, text]) => {
    const [first = '', ...more] = wrap(text, Math.max(24, columns - indent));
    const rest = more.map((line) => ' '.repeat(indent) + line);
    if (term.length > longestTerm) return [`  ${term}`, ' '.repeat(indent) + first, ...rest];
    return [`  ${term}`.padEnd(indent) + first, ...rest];
  });
  return [...(title ? [title] : []), ...lines].join('\n');
}

function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
