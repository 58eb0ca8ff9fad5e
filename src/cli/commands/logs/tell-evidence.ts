import type { Status } from '../../../core/environment.ts';
import type { RolloutRecord } from '../../../core/record.ts';
import { shortId } from '../../../core/release.ts';
import type { Cli } from '../../cli.ts';
import { columnsOf } from '../../io.ts';
import type { LogsResult } from '../../json.ts';
import { printable } from '../../terminal/printable.ts';
import { renderWrapped } from '../../terminal/step-line.ts';

export interface Silent {
  /** The start of the id of a release of which nothing is there to read. */
  readonly release: string;
  readonly records: readonly RolloutRecord[];
  readonly status: Status | undefined;
  /** How many lines at most, the latest; none for all. */
  readonly lines?: number | undefined;
}

/**
 * Where a release has no replica and no log any more: prints what the record of its last rollout that failed kept, says
 * that it is no more than that, and returns it for `--json`. Undefined: its replicas run, or nothing was kept.
 */
export function tellEvidence(cli: Cli, { release, records, status, lines }: Silent): LogsResult['evidence'] {
  if (status?.running.some((replica) => replica.release.startsWith(release))) return undefined;
  const mine = records.filter((record) => record.release.startsWith(release));
  const id = shortId(mine.at(-1)?.release ?? release);
  const found = mine.flatMap(evidenceOf).at(-1);
  if (!found) {
    if (status?.state !== 'absent') say(cli, `${id} has no replica any more, and no log of them is kept`);
    return undefined;
  }
  say(
    cli,
    `${id} has no replica and no log any more: this is what the record of its rollout kept of the last lines`,
  );
  const { exit } = found;
  const shown =
    lines === undefined ? found.lines : found.lines.slice(Math.max(0, found.lines.length - lines));
  const evidence = { ...found, lines: [...shown] };
  if (cli.options.json) return evidence;
  for (const line of [...(exit === undefined ? [] : [exit]), ...shown])
    cli.io.stdout.write(`${cli.out.accent(id)} ${showLine(line, cli)}\n`);
  return evidence;
}

function evidenceOf({ id: rollout, endedAt, verdict }: RolloutRecord) {
  const evidence = verdict.kind === 'failed' ? verdict.evidence : undefined;
  const isEmpty = evidence?.exit === undefined && evidence?.lines.length === 0;
  return evidence && !isEmpty ? [{ rollout, endedAt, ...evidence }] : [];
}

function say({ io, err }: Cli, text: string): void {
  const lines = renderWrapped({ label: 'logs', text }, err, { columns: columnsOf(io.stderr) });
  io.stderr.write(lines.map((line) => `${err.spell(line)}\n`).join(''));
}

function showLine(line: string, { io }: Cli): string {
  return io.stdout.isTerminal ? printable(line, { keepsLines: true, keepsColours: true }) : line;
}
