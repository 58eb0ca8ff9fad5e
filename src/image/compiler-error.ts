import { isAbsolute, relative } from 'node:path';
import { UserError } from '../core/errors.ts';

type Log = Bun.BuildOutput['logs'][number];
type Position = NonNullable<Log['position']>;

/** What the compiler refused: the first place in the message, every one with its line in the details. */
export function compilerError(logs: readonly Log[], entry: string, folder: string): UserError {
  const errors = logs.filter(({ level }) => level === 'error');
  const [first] = errors;
  const place = first?.position ? placeOf(first.position, folder) : entry;
  return new UserError({
    code: 'build_failed',
    message: `${place}: ${first?.message ?? 'it does not bundle'}`,
    hint: 'mend the source, then run the same command again',
    details:
      first && errors.length === 1
        ? frameOf(first)
        : errors.map((error) => describe(error, folder)).join('\n\n'),
  });
}

function describe(error: Log, folder: string): string {
  const place = error.position ? `${placeOf(error.position, folder)}: ` : '';
  return [`${place}${error.message}`, frameOf(error)].join('\n').trimEnd();
}

/** The line, and a mark below what is wrong in it. */
function frameOf({ position }: Log): string {
  if (!position) return '';
  const text = position.lineText.replaceAll('\t', ' ');
  const marker = ' '.repeat(Math.max(0, position.column - 1)) + '^'.repeat(Math.max(1, position.length));
  return `  ${text}\n  ${marker}`;
}

function placeOf({ file, line, column }: Position, folder: string): string {
  const path = isAbsolute(file) ? relative(folder, file) : file;
  return `${path}:${line}:${column}`;
}
