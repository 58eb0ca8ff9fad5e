// Rollouts under load in a cluster that is harmed meanwhile; bench/run soak starts it. CAUSEWAY_SEED replays a run,
// --quick makes it small.
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { openCluster } from '../e2e/cluster/cluster.ts';
import { isNearOutage } from '../e2e/kubernetes/soak/check-load.ts';
import { type FaultKind, faultKinds } from '../e2e/kubernetes/soak/plan.ts';
import { soak } from '../e2e/kubernetes/soak/soak.ts';
import type { SoakReport } from '../e2e/kubernetes/soak/soak-report.ts';
import { soakSizes } from '../e2e/kubernetes/soak/soak-size.ts';
import { seed } from '../e2e/proof.ts';
import { groupThousands } from '../src/cli/terminal/count.ts';
import { type Row, showPage } from './page.ts';
import { isQuick } from './quick.ts';

const size = soakSizes[isQuick ? 'ci' : 'full'];
await using cluster = await openCluster({ isOwn: true });
const report = await soak({ ...size, cluster, seed, say: console.error });

showPage({
  name: 'soak',
  title: 'A soak on a cluster',
  about: `By \`CAUSEWAY_SEED=${seed} bench/run soak\`, which replays it: good releases, bad ones and rollbacks in turn, one each ${size.everyMs / 1000} s, on Kubernetes with one node of this machine, 2 replicas, bake 1 s, preStop 5 s, while requests come through the Service on new, kept and idle connections, and faults strike at moments of the seed’s.`,
  repository: realpathSync(join(import.meta.dir, '..')),
  rows: rowsOf(report),
  more: [...problemList(report), faultTable(report), killTable(report)].join('\n\n'),
});
process.exitCode = report.problems.length === 0 ? 0 : 1;

function rowsOf({ rounds, faults, load, losses, records, problems }: SoakReport): readonly Row[] {
  const attempts = rounds.flatMap((round) => round.attempts);
  const by = (why: string) => losses.filter((loss) => loss.by?.by === why).length;
  const told = records.reduce((sum, { traffic }) => sum + traffic.requests, 0);
  const toldLost = (isNear: boolean) =>
    records
      .filter((record) => isNearOutage(record, faults) === isNear)
      .reduce((sum, { traffic }) => sum + traffic.lost, 0);
  const lost = losses.filter((loss) => loss.by === undefined).length;
  const exits = countBy(attempts.map(({ exitCode }) => (exitCode === null ? 'killed' : `exit ${exitCode}`)));
  return [
    row(
      'requests · rollouts · faults',
      reachOf(),
      `${groupThousands(load.requests)} · ${rounds.length} · ${faults.length}, in ${Math.round(load.seconds)} s`,
    ),
    row('lost, where no process was killed that served', '0', String(lost)),
    row(
      'lost on a process that a fault killed: in flight on it · sent to it before the cluster had seen its end',
      'each explained',
      `${by('in flight')} · ${by('untold')}`,
    ),
    row(
      'lost on a route that was not back at the API yet after it was away ([decision 27](../decisions/0027-held-after-an-outage.md))',
      '0',
      String(by('late route')),
    ),
    row('errors of bad releases, until they were taken out', '–', String(by('release'))),
    row('sent once more on another connection, as HTTP has it, by the clients', '–', String(load.retried)),
    row(
      'lost by the agent’s own count, in the records: of rollouts that began, or ended, in the minute after an outage of the API · of others',
      '0 · 0',
      `${toldLost(true)} · ${toldLost(false)}, of ${groupThousands(told)}`,
    ),
    row('commands', 'each ends as its release deserves, or says what kept it', exits),
    row('records: of rollouts · missing, doubled or half-written', '0', `${records.length} · 0`),
    row(
      'faults that the rollout they struck has to name · found in its record or the command’s output',
      'all',
      namedText(faults),
    ),
    row('what was not as promised, told below', '0', String(problems.length)),
  ];
}

function reachOf(): string {
  return `${groupThousands(size.requests)} · ${size.rounds} · ${size.rounds * size.faultsPerRound}`;
}

function namedText(faults: SoakReport['faults']): string {
  const due = faults.filter(({ mustBe }) => mustBe !== undefined);
  return `${due.length} · ${due.filter(({ named }) => named !== 'nowhere').length}`;
}

/** The first ones: what is lost in one moment is told by each of its requests. */
function problemList({ problems }: SoakReport): readonly string[] {
  if (problems.length === 0) return [];
  const shown = problems.slice(0, 12).map((problem) => `- ${problem.split('\n')[0]}`);
  const more = problems.length > shown.length ? [`- and ${problems.length - shown.length} more`] : [];
  return [`## Not as promised\n\n${[...shown, ...more].join('\n')}`];
}

function faultTable({ faults, losses }: SoakReport): string {
  const lines = faultKinds.map((kind) => {
    const mine = faults.filter((fault) => fault.kind === kind);
    const named = (where: string) => mine.filter((fault) => fault.named === where).length;
    return `| ${kind} | ${mine.length} | ${lossesOf(kind, losses)} | ${named('record')} | ${named('output')} | ${named('nowhere')} |`;
  });
  return `## By fault

What a fault did to nobody, no command can name: the kubelet’s restart, say, or a pod that was deleted between two rollouts.

| fault | times | requests lost | named in the record | in the command’s output | not felt |
| --- | --- | --- | --- | --- | --- |
${lines.join('\n')}`;
}

function lossesOf(kind: FaultKind, losses: SoakReport['losses']): number {
  return losses.filter(({ by }) => by && by.by !== 'release' && by.fault.kind === kind).length;
}

function killTable({ faults, losses }: SoakReport): string {
  const lines = faults
    .filter(({ isKill }) => isKill)
    .map(({ at, kind, pod, round }) => {
      const mine = losses.filter(({ by }) => by && by.by !== 'release' && by.fault.at === at);
      const causes = countBy(mine.map(({ failure, by }) => `${failure.cause} (${by?.by})`));
      return `| ${round} | ${new Date(at).toISOString().slice(11, 23)} | ${kind} | ${pod} | ${causes || 'none'} |`;
    });
  return `## Each kill, and what it cost

| rollout | at | fault | pod | requests lost |
| --- | --- | --- | --- | --- |
${lines.join('\n')}`;
}

function row(what: string, reach: string, measured: string): Row {
  return { what, reach, measured };
}

function countBy(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([word, count]) => `${count} × ${word}`).join(', ');
}
