import type { Environment, LogLine, LogQuery, Status } from '../../../core/environment.ts';
import { exitCodes, UserError } from '../../../core/errors.ts';
import type { RolloutRecord } from '../../../core/record.ts';
import { shortId } from '../../../core/release.ts';
import { atEnvironment } from '../../at-environment.ts';
import { chooseMade } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import type { LogsResult } from '../../json.ts';
import { toJsonLine } from '../../json-line.ts';
import { printable } from '../../terminal/printable.ts';
import { renderStep } from '../../terminal/step-line.ts';
import { tellEvidence } from './tell-evidence.ts';

/** Prints what replicas printed, as it comes. */
export async function readLogs(cli: Cli, name: string, query: LogQuery): Promise<Result> {
  const { io, options } = cli;
  const { environment } = await chooseMade(cli, name);
  const signal = AbortSignal.any([io.signal, io.gone]);
  const status = await environment.status(io.signal).catch(nothingIfSilent);
  const records = query.release === undefined ? [] : await environment.history(io.signal);
  if (query.release !== undefined) refuseUnknown(environment, { status, records }, query.release);
  const isAway = status?.state === 'absent';
  if (isAway) sayThatItIsAway(cli, name, query);
  const collected: LogLine[] = [];
  let isSilent = true;
  const take = (line: LogLine) => {
    isSilent = false;
    if (!options.json) io.stdout.write(`${showLogLine(line, cli)}\n`);
    else if (query.follow) io.stdout.write(`${toJsonLine(line)}\n`);
    else collected.push(line);
  };
  try {
    for await (const line of environment.logs(query, signal)) take(line);
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
  const exit = io.signal.aborted ? exitCodes.interrupted : exitCodes.done;
  const { release, lines, since = 0 } = query;
  const recent = records.filter(({ endedAt }) => endedAt >= since);
  const evidence =
    isSilent && !query.follow && release !== undefined && !signal.aborted
      ? tellEvidence(cli, { release, records: recent, status, lines })
      : undefined;
  const isOver = isAway && isSilent && release === undefined && !query.follow;
  const next = isOver ? [`causeway up${atEnvironment(name)}`] : [];
  if (query.follow || !options.json) return { exit, next };
  const json: LogsResult = { environment: name, lines: collected, ...(evidence ? { evidence } : {}) };
  return { json, exit };
}

/** The logs of an environment that does not answer are wanted all the more. */
function nothingIfSilent(error: unknown): undefined {
  if (!(error instanceof UserError)) throw error;
}

/** What ran here is in the records; what is being tried now, or serves, is in the status. */
function refuseUnknown(
  environment: Environment,
  { status, records }: { readonly status: Status | undefined; readonly records: readonly RolloutRecord[] },
  named: string,
): void {
  const ran = [
    ...records.map(({ release }) => release),
    ...(status?.running ?? []).map(({ release }) => release),
    status?.stable?.release ?? '',
    status?.rollout?.release ?? '',
  ];
  if (named !== '' && ran.some((release) => release.startsWith(named))) return;
  throw new UserError({
    code: 'release_not_found',
    message: `${environment.name} never ran release ${named || "''"}`,
    hint: `causeway releases ${environment.name} lists what ran there`,
  });
}

function sayThatItIsAway({ io, err }: Cli, name: string, { follow }: LogQuery): void {
  const rest = follow ? 'this waits for what it will print' : 'its logs go with down';
  io.stderr.write(`${err.spell(renderStep({ label: 'logs', text: `${name} is not up; ${rest}` }, err))}\n`);
}

/** The replica's own text is printed as it is; on a terminal it may colour itself, and nothing else. */
function showLogLine({ at, replica, release, text }: LogLine, { io, out }: Cli): string {
  const who = replica.startsWith(shortId(release)) ? replica : `${shortId(release)} ${replica}`;
  const shown = io.stdout.isTerminal ? printable(text, { keepsLines: true, keepsColours: true }) : text;
  return `${out.dim(timeOf(at))} ${out.accent(who)} ${shown}`;
}

/** Local time, to the millisecond. */
function timeOf(at: number): string {
  const date = new Date(at);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
