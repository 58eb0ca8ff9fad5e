import type { Status } from '../../../core/environment.ts';
import type { RolloutRecord } from '../../../core/record.ts';
import { type Release, shortId } from '../../../core/release.ts';
import { chooseEnvironment } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import type { PlanResult } from '../../json.ts';
import { buildRelease } from '../../rollout/build-release.ts';
import { renderBelow, renderStep } from '../../terminal/step-line.ts';
import type { Style } from '../../terminal/style.ts';
import { type Change, changesBetween } from './compare-settings.ts';

/** What `up` would do, changing nothing. */
export async function makePlan(cli: Cli, name: string): Promise<Result> {
  const { io } = cli;
  const chosen = await chooseEnvironment(cli, name);
  const { environment, environmentConfig } = chosen;
  const [{ release, revision }, status, records] = await Promise.all([
    buildRelease(chosen, io),
    environment.status(io.signal),
    environment.history(io.signal),
  ]);
  const stable = status.stable ? await environment.release(status.stable.release) : undefined;
  const plan: PlanResult = {
    environment: name,
    state: status.state,
    release: release.id,
    revision,
    ...findingOf(release, status, records),
    ...(status.stable ? { stable: status.stable.release } : {}),
    changes: [
      ...(stable ? changesOf(stable, release) : []),
      ...replicasChange(status, environmentConfig.replicas),
    ],
    costs: environment.costs,
  };
  return { json: plan, lines: showPlan(plan, cli.out), next: nextAfter(plan) };
}

function findingOf(
  { id }: Release,
  { stable }: Status,
  records: readonly RolloutRecord[],
): Pick<PlanResult, 'found' | 'because'> {
  if (stable?.release === id) return { found: 'serves' };
  const last = records.findLast(({ release }) => release === id)?.verdict;
  if (!last) return { found: 'new' };
  return last.kind === 'good'
    ? { found: 'good' }
    : { found: 'failed', because: `${last.cause}, ${last.message}` };
}

function changesOf(from: Release, to: Release): readonly Change[] {
  const artifact =
    from.artifact === to.artifact
      ? []
      : [{ field: 'artifact', from: shortId(from.artifact), to: shortId(to.artifact) }];
  const command = changesBetween({ command: from.command }, { command: to.command });
  return [...artifact, ...command, ...changesBetween(from.settings, to.settings)];
}

function replicasChange({ replicas }: Status, wanted: number): readonly Change[] {
  return replicas === undefined || replicas === wanted
    ? []
    : [{ field: 'replicas', from: replicas, to: wanted }];
}

function showPlan(plan: PlanResult, style: Style): readonly string[] {
  const line = (label: string, text: string) => renderStep({ label, text }, style);
  const { environment: name, state, release, revision, found, because, stable, changes, costs } = plan;
  const about = because ?? (isDone(plan) ? 'nothing to do' : undefined);
  return [
    line(name, stateTexts[state]),
    line('release', `${shortId(release)}  ${revision}`),
    line('', `${foundTexts[found]}${about ? `: ${about}` : ''}`),
    ...(stable && stable !== release ? [line('replaces', shortId(stable))] : []),
    ...changes.map(({ field, from, to }) => renderBelow(`${field}: ${show(from)} → ${show(to)}`, style)),
    line('costs', costs),
  ];
}

function nextAfter(plan: PlanResult): readonly string[] {
  const { environment: name } = plan;
  return isDone(plan) ? [] : [`causeway up${name === 'local' ? '' : ` ${name}`}`];
}

function isDone({ found, changes }: PlanResult): boolean {
  return found === 'serves' && changes.length === 0;
}

const stateTexts = {
  absent: 'is not up: it would be made',
  stopped: 'is stopped: it would be started again',
  empty: 'is up, and has no good release yet',
  'rolling-out': 'is rolling out: that would be ended first',
  serving: 'serves',
  degraded: 'is degraded',
} as const satisfies Record<PlanResult['state'], string>;

const foundTexts = {
  new: 'is new here: it would be tested and rolled out',
  serves: 'serves already',
  good: 'was good here before: it would be tested and rolled out',
  failed: 'failed here before',
} as const satisfies Record<PlanResult['found'], string>;

function show(value: unknown): string {
  return value === undefined ? 'none' : typeof value === 'string' ? value : JSON.stringify(value);
}
