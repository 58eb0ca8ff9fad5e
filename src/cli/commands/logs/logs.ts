import type { LogLine, LogQuery } from '../../../core/environment.ts';
import { exitCodes } from '../../../core/errors.ts';
import { shortId } from '../../../core/release.ts';
import { chooseMade } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import type { LogsResult } from '../../json.ts';
import { toJsonLine } from '../../json-line.ts';
import { printable } from '../../terminal/printable.ts';

/** Prints what replicas printed, as it comes. */
export async function readLogs(cli: Cli, name: string, query: LogQuery): Promise<Result> {
  const { io, options } = cli;
  const { environment } = await chooseMade(cli, name);
  const collected: LogLine[] = [];
  const take = (line: LogLine) => {
    if (!options.json) io.stdout.write(`${showLogLine(line, cli)}\n`);
    else if (query.follow) io.stdout.write(`${toJsonLine(line)}\n`);
    else collected.push(line);
  };
  try {
    for await (const line of environment.logs(query, io.signal)) take(line);
  } catch (thrown) {
    if (!io.signal.aborted) throw thrown;
  }
  const exit = io.signal.aborted ? exitCodes.interrupted : exitCodes.done;
  if (query.follow || !options.json) return { exit };
  const json: LogsResult = { environment: name, lines: collected };
  return { json, exit };
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
