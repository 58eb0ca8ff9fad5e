import { showMs } from '../../../core/duration.ts';
import { goodReleases, type RolloutRecord } from '../../../core/record.ts';
import { shortId } from '../../../core/release.ts';
import { chooseMade } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import { columnsOf } from '../../io.ts';
import type { ReleasesResult } from '../../json.ts';
import { groupThousands } from '../../terminal/count.ts';
import { namePathsOnce } from '../../terminal/name-paths-once.ts';
import type { Style } from '../../terminal/style.ts';
import { type Column, renderTable } from '../../terminal/table.ts';

/** The rollouts of an environment, latest first. */
export async function listReleases(cli: Cli, name: string, limit: number): Promise<Result> {
  const { io, out } = cli;
  const { environment } = await chooseMade(cli, name);
  const [records, status, isKept] = await Promise.all([
    environment.history(io.signal, limit),
    environment.status(io.signal),
    environment.keeps(io.signal),
  ]);
  const rollouts = records.slice(-limit).reverse();
  const stable = status.stable?.release;
  const gone = goodReleases(rollouts).filter((release) => release !== stable && !isKept(release));
  const json: ReleasesResult = { environment: name, ...(stable ? { stable } : {}), rollouts, gone };
  const width = columnsOf(io.stdout);
  const table = showReleases(rollouts, {
    stable,
    gone,
    revisions: revisionsOf(records),
    now: io.now(),
    width,
    style: out,
  });
  if (rollouts.length > 0) return { json, lines: table };
  return {
    json,
    lines: [`nothing was rolled out on ${name} yet`],
    next: [`causeway up ${name}`],
  };
}

interface ReleasesView {
  readonly stable: string | undefined;
  /** The good releases of which no copy is kept. */
  readonly gone: readonly string[];
  /** By rollout. */
  readonly revisions: ReadonlyMap<string, string>;
  readonly now: number;
  readonly width: number;
  readonly style: Style;
}

const columns: readonly Column[] = [
  { title: '' },
  { title: 'release' },
  { title: 'revision', least: 12, drop: 3 },
  { title: 'when' },
  { title: 'by', least: 6, drop: 1 },
  { title: 'kind' },
  { title: 'verdict', least: 32, wraps: true },
  { title: 'requests', align: 'right', drop: 2 },
  { title: 'lost', align: 'right' },
  { title: 'errors', align: 'right' },
];

function showReleases(
  records: readonly RolloutRecord[],
  { stable, gone, revisions, now, width, style }: ReleasesView,
): readonly string[] {
  const newest = records.findIndex(({ release, verdict }) => release === stable && verdict.kind === 'good');
  const rows = records.map((record, index) => [
    index === newest ? '●' : '',
    shortId(record.release),
    revisions.get(record.id) ?? '',
    `${showMs(now - record.endedAt)} ago`,
    record.by,
    record.kind,
    showVerdict(record, gone),
    groupThousands(record.traffic.requests),
    groupThousands(record.traffic.lost),
    groupThousands(record.traffic.errors),
  ]);
  return renderTable({ columns, rows, width, style });
}

function showVerdict({ release, verdict }: RolloutRecord, gone: readonly string[]): string {
  if (verdict.kind === 'good') return gone.includes(release) ? 'good, not kept' : 'good';
  return `failed: ${verdict.cause}, ${namePathsOnce(verdict.message)}`;
}

/** By rollout: its own revision, or for a rollback that of the last deploy of its release before it. */
function revisionsOf(records: readonly RolloutRecord[]): ReadonlyMap<string, string> {
  const latest = new Map<string, string>();
  const told = new Map<string, string>();
  for (const { id, release, revision } of records) {
    if (revision !== undefined) latest.set(release, revision);
    told.set(id, latest.get(release) ?? '');
  }
  return told;
}
