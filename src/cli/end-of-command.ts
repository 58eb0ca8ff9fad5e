import { exitCodes, UserError } from '../core/errors.ts';
import type { Cli, Result } from './cli.ts';
import { Interrupted } from './interrupted.ts';

/** What came of the words after `--`, by their exit code; `untouched` is what the user need not worry about. */
export function endOfCommand({ io, rest }: Cli, exit: number, untouched: string): Result {
  if (exit === 0) return {};
  const command = rest.join(' ');
  if (io.signal.aborted && exit === exitCodes.interrupted)
    throw new Interrupted(`${command} was ended; ${untouched}`);
  const error = new UserError({
    code: 'one_off_failed',
    message: `${command} ended with exit code ${exit}`,
    hint: `read its output above; ${untouched}`,
  });
  return { error, exit };
}
