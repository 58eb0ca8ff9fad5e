import { showMs } from '../../../core/duration.ts';
import { goodReleases, type RolloutRecord } from '../../../core/record.ts';
import { shortId } from '../../../core/release.ts';
import { atEnvironment } from '../../at-environment.ts';
import { chooseMade } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import { columnsOf } from '../../io.ts';
import type { ReleasesResult } from '../../json.ts';
import { groupThousands } from '../../terminal/count.ts';
import { namePathsOnce } from '../../terminal/name-paths-once.ts';
import { type Style, widthOf } from '../../terminal/style.ts';
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
    next: [`causeway up${atEnvironment(name)}`],
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
  { title: 'verdict', least: 8, wraps: true },
  { title: 'requests', align: 'right', drop: 2 },
  { title: 'lost', align: 'right' },
  { title: 'errors', align: 'right' },
];

/** Where a row does not hold why it failed, that stands below it: no column is given up for it. */
function showReleases(
  records: readonly RolloutRecord[],
  { stable, gone, revisions, now, width, style }: ReleasesView,
): readonly string[] {
  const newest = records.findIndex(({ release, verdict }) => release === stable && verdict.kind === 'good');
  const cellsOf = (record: RolloutRecord, index: number, verdict: string) => [
    index === newest ? '●' : '',
    shortId(record.release),
    revisions.get(record.id) ?? '',
    `${showMs(now - record.endedAt)} ago`,
    record.by,
    record.kind,
    verdict,
    groupThousands(record.traffic.requests),
    groupThousands(record.traffic.lost),
    groupThousands(record.traffic.errors),
  ];
  const verdicts = records.map((record) => ({ record, ...showVerdict(record, gone) }));
  const whole = verdicts.map(({ record, word, why }, index) =>
    cellsOf(record, index, why === undefined ? word : `${word}: ${why}`),
  );
  const wide = renderTable({ columns, rows: whole, width: Number.POSITIVE_INFINITY, style });
  if (wide.every((line) => widthOf(line) <= width)) return wide;
  const rows = verdicts.map(({ record, word }, index) =>
    cellsOf(record, index, word).map((cell, at) => (at === revisionAt ? shorten(cell) : cell)),
  );
  return renderTable({ columns, rows, notes: verdicts.map(({ why }) => why), width, style });
}

const revisionAt = columns.findIndex(({ title }) => title === 'revision');

/** `4be21c0 +2` of `main@4be21c0 and 2 changed files`: of a long branch the commit would be what is cut. */
function shorten(revision: string): string {
  return revision.replace(/^.*@(?=[0-9a-f]{7}\b)/, '').replace(/ and (\d+) changed files?$/, ' +$1');
}

interface ShownVerdict {
  readonly word: string;
  readonly why?: string;
}

function showVerdict({ release, verdict }: RolloutRecord, gone: readonly string[]): ShownVerdict {
  if (verdict.kind === 'good') return { word: gone.includes(release) ? 'good, not kept' : 'good' };
  return { word: 'failed', why: `${verdict.cause}, ${namePathsOnce(verdict.message)}` };
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
