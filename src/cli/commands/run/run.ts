import { chooseEnvironment } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import { endOfCommand } from '../../end-of-command.ts';

/** Runs the words after `--`; ends with their exit code. */
export async function runOneOff(cli: Cli, name: string): Promise<Result> {
  const { environment } = await chooseEnvironment(cli, name);
  const exit = await environment.run(cli.rest, cli.io.signal);
  return endOfCommand(cli, exit, 'what serves was not touched');
}
