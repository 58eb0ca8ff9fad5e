import { UserError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';

/** Refuses a command line of `run` or `exec` that has no command behind `--`, or asks for a document. */
export function refuseWrongRest(
  { rest, options }: Pick<Cli, 'rest' | 'options'>,
  { command, example }: { readonly command: string; readonly example: string },
): void {
  if (rest.length === 0) {
    throw new UserError({
      code: 'usage_wrong',
      message: `causeway ${command} has no command to run`,
      hint: `give it after --: ${example}`,
    });
  }
  if (!options.json) return;
  throw new UserError({
    code: 'usage_wrong',
    message: `causeway ${command} has no --json: its output is the command’s own`,
    hint: 'leave --json out; the exit code is the command’s own as well',
  });
}
