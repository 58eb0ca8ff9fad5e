import { UserError } from '../../../core/errors.ts';
import { chooseEnvironment } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import { endOfCommand } from '../../end-of-command.ts';

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
  return endOfCommand(cli, exit, 'the replica goes on serving');
}
