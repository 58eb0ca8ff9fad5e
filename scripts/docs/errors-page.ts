import { errorKinds, exitCodeMeanings, exitCodes } from '../../src/core/errors.ts';
import { causes } from '../../src/core/verdict.ts';
import { paragraphs, row } from './markdown.ts';

export function makeErrorsPage(): string {
  return paragraphs([
    '# Errors',
    'An error has a code, a message that holds the value that was wrong, and a hint: the command or the edit that mends it. With `--json` the same stands on stdout as `{ "error": { "code", "message", "hint" } }`.',
    '```\n$ causeway rollback production --to 9f3c2a1\nerror: production never ran release 9f3c2a1\n  hint: causeway releases production lists the releases you can return to\n  help: docs/errors.md#release_not_found\n```',
    'What ends without a code is a bug of Causeway: it prints where it happened and how to report it.',

    '## Exit codes',
    [
      row(['exit code', 'means']),
      row(['---', '---']),
      ...Object.entries(exitCodes).map(([name, code]) =>
        row([`${code}`, exitCodeMeanings[name as keyof typeof exitCodes]]),
      ),
    ].join('\n'),
    'The exit code of an error is that of its code below, where its text names no other.',

    '## Why a rollout failed',
    'A release that is judged bad is taken back with one of these causes. The cause is printed, kept in the record, and shown by `causeway releases`.',
    [
      row(['cause', 'means']),
      row(['---', '---']),
      ...Object.entries(causes).map(([cause, meaning]) => row([`\`${cause}\``, meaning])),
    ].join('\n'),

    '## Codes',
    ...Object.entries(errorKinds).flatMap(([code, { exit, about }]) => [
      `### ${code}`,
      `Exit code ${exitCodes[exit]}: ${exitCodeMeanings[exit]}.`,
      about,
    ]),
  ]);
}
