import type { Environment, Status } from '../../../core/environment.ts';
import { exitCodes, UserError } from '../../../core/errors.ts';
import { type Chosen, chooseMade } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import type { OpenResult } from '../../json.ts';
import { toJsonLine } from '../../json-line.ts';

/** The URL; of a service that has none, one on this machine for as long as the command runs. */
export async function openUrl(cli: Cli, name: string): Promise<Result> {
  const { io } = cli;
  const chosen = await chooseMade(cli, name);
  const { environment } = chosen;
  const status = await environment.status(io.signal);
  const { url, state } = status;
  if (state === 'absent' || state === 'stopped') throw withoutUrl(chosen, status);
  if (url !== undefined) {
    browse(cli, url);
    const json: OpenResult = { environment: name, url };
    return { json, lines: [url] };
  }
  if (!environment.forward) throw withoutUrl(chosen, status);
  return forwardUrl(cli, name, environment.forward.bind(environment));
}

/** Until Ctrl-C, which is how it ends. */
async function forwardUrl(
  cli: Cli,
  name: string,
  forward: NonNullable<Environment['forward']>,
): Promise<Result> {
  const { io, options, err } = cli;
  const { url, ended } = await forward(AbortSignal.any([io.signal, io.gone]));
  const json: OpenResult = { environment: name, url };
  io.stdout.write(options.json ? `${toJsonLine(json)}\n` : `${url}\n`);
  if (!options.json) io.stderr.write(err.spell(`open until Ctrl-C, for this machine alone\n`));
  browse(cli, url);
  await ended;
  return { exit: io.signal.aborted ? exitCodes.interrupted : exitCodes.done };
}

function browse({ io, options, out }: Cli, url: string): void {
  if (out.isLive && !options.json) io.browse(url);
}

function withoutUrl({ name }: Chosen, { state }: Status): UserError {
  return new UserError({
    code: state === 'stopped' ? 'environment_stopped' : 'environment_missing',
    message: `${name} has no URL: nothing runs there`,
    hint: `causeway up ${name}`,
  });
}
