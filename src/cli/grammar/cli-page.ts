import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { exitCodeMeanings, exitCodes } from '../../core/errors.ts';
import { makeProgram } from '../program.ts';
import { callableOf, nameOf } from './command-tree.ts';
import { guideOf } from './guide.ts';
import { argumentRows, exitRows, flagRows, usageOf } from './help.ts';

type Row = readonly [term: string, text: string];

/** docs/cli.md: every command with its usage, flags, examples and exit codes. */
export function makeCliPage(): string {
  const program = makeProgram(async () => {});
  return [
    '# Commands',
    '`causeway help <command>` shows the same in the terminal.',
    ...(guideOf(program)?.about ?? []),
    'On a terminal the step under way is a live line; elsewhere, and where `CI` is set, each step is one plain line.',
    '## Flags of every command',
    table(
      ['flag', ''],
      flagRows(program).map(([flag, text]) => [`\`${flag}\``, text]),
    ),
    '## JSON',
    'All commands have `--json` but `run` and `exec`, whose output is the command’s own; help and the version stay text. With it, stdout is exactly one JSON document in one line, never coloured; with `status --watch` and `logs --follow` it is one such line after the other. A command that fails writes one as well: `{ "error": { "code", "message", "hint", "details"? } }`, beside what it still could say (a rollout’s record, a receipt, the claims of an image). The same error stands on stderr for people, and the exit code is the same as without `--json`. The shapes are the schemas in [src/cli/json.ts](../src/cli/json.ts).',
    '## Exit codes',
    table(
      ['code', 'means'],
      Object.entries(exitCodes).map(([name, code]) => [
        `${code}`,
        exitCodeMeanings[name as keyof typeof exitCodes],
      ]),
    ),
    ...callableOf(program).map((command) => commandSection(command)),
  ]
    .join('\n\n')
    .concat('\n');
}

function commandSection(command: CommandUnknownOpts): string {
  const guide = guideOf(command);
  const flags = [...argumentRows(command), ...flagRows(command)];
  return [
    `## ${nameOf(command).replace(/^causeway /, '')}`,
    `${upperFirst(command.description())}.`,
    block([usageOf(command)]),
    ...(flags.length > 0
      ? [
          table(
            ['', ''],
            flags.map(([flag, text]) => [`\`${flag}\``, text]),
          ),
        ]
      : []),
    ...(guide?.about ?? []),
    ...(guide
      ? [
          table(
            ['example', ''],
            guide.examples.map(({ command: words, shows }) => [`\`${words}\``, shows]),
          ),
        ]
      : []),
    `Exit codes: ${exitRows(command)
      .map(([code, text]) => `${code} ${text}`)
      .join(' · ')}.`,
  ].join('\n\n');
}

function table([first, second]: Row, rows: readonly Row[]): string {
  const cells = (row: Row) => `| ${row.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  return [cells([first, second]), '| --- | --- |', ...rows.map(cells)].join('\n');
}

function block(lines: readonly string[]): string {
  return ['```', ...lines, '```'].join('\n');
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
