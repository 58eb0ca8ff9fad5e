import { exitCodes, UserError } from '../../../core/errors.ts';
import { chooseEnvironment } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import { Interrupted } from '../../interrupted.ts';

/** Runs the words after `--` inside a replica; ends with their exit code. */
export async function execInReplica(cli: Cli, name: string): Promise<Result> {
  const { environment } = await chooseEnvironment(cli, name);
  if (!environment.exec) {
    throw new UserError({
      code: 'usage_wrong',
      message: `the replicas of ${name} run on this machine: there is nothing to enter`,
      hint: `causeway run ${name} -- ${cli.rest.join(' ')} runs it beside them`,
    });
  }
  const exit = await environment.exec(cli.rest, cli.io.signal);
  if (exit === 0) return {};
  if (cli.io.signal.aborted && exit === exitCodes.interrupted) {
    throw new Interrupted(`${cli.rest.join(' ')} was ended; the replica goes on serving`);
  }
  const error = new UserError({
    code: 'one_off_failed',
    message: `${cli.rest.join(' ')} ended with exit code ${exit}`,
    hint: 'read its output above; the replica goes on serving',
  });
  return { error, exit };
}
