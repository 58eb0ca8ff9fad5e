import { exitCodes, UserError } from '../../../core/errors.ts';
import { chooseEnvironment } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import { Interrupted } from '../../interrupted.ts';

/** Runs the words after `--`; ends with their exit code. */
export async function runOneOff(cli: Cli, name: string): Promise<Result> {
  const { environment } = await chooseEnvironment(cli, name);
  const exit = await environment.run(cli.rest, cli.io.signal);
  if (exit === 0) return {};
  if (cli.io.signal.aborted && exit === exitCodes.interrupted) {
    throw new Interrupted(`${cli.rest.join(' ')} was ended; what serves was not touched`);
  }
  const error = new UserError({
    code: 'one_off_failed',
    message: `${cli.rest.join(' ')} ended with exit code ${exit}`,
    hint: 'read its output above; what serves was not touched',
  });
  return { error, exit };
}
