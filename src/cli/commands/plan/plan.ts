import type { EnvironmentConfig } from '../../../core/config.ts';
import type { Environment, Status } from '../../../core/environment.ts';
import { isOutOfReach } from '../../../core/out-of-reach.ts';
import type { RolloutRecord } from '../../../core/record.ts';
import { type Release, shortId } from '../../../core/release.ts';
import { atEnvironment } from '../../at-environment.ts';
import { type Chosen, chooseEnvironment } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import { type Dressing, showCloudPlan, toCloudPlanJson } from '../../cloud/show-price.ts';
import { showChange as showObjectChange, toDifferenceJson } from '../../difference.ts';
import { columnsOf } from '../../io.ts';
import type { PlanResult } from '../../json.ts';
import { readPlanned } from '../../rollout/read-planned.ts';
import { refuseMissingSecrets, secretSources } from '../../rollout/read-secrets.ts';
import { Board } from '../../terminal/board.ts';
import { count } from '../../terminal/count.ts';
import { namePathsOnce } from '../../terminal/name-paths-once.ts';
import { labelWidthFor, renderBelow, renderWrapped } from '../../terminal/step-line.ts';
import { type Change, changesBetween } from './compare-settings.ts';
import { inConfigSpelling } from './config-spelling.ts';

/** What `up` would do, changing nothing. */
export async function makePlan(cli: Cli, name: string, image: string | undefined): Promise<Result> {
  const board = new Board(cli.io, cli.err, labelWidthFor(name));
  try {
    board.show('plan', 'reading the config');
    return await plan(cli, await chooseEnvironment(cli, name), image, board);
  } finally {
    board.close();
  }
}

async function plan(cli: Cli, chosen: Chosen, image: string | undefined, board: Board): Promise<Result> {
  const { io } = cli;
  const { name, environment, environmentConfig, config, folder } = chosen;
  const sources = secretSources(config, environmentConfig);
  await refuseMissingSecrets(sources, folder, io);
  const [{ status, records, unseen }, cloud] = await Promise.all([
    look(environment, io.signal),
    environment.cloud?.plan({}, io.signal),
  ]);
  // Before a cloud has made its cluster there is nothing to push to, and nothing to ask.
  const hasCluster = !environment.cloud || (unseen === undefined && status.state !== 'absent');
  const planned = await readPlanned(cli, chosen, { image, label: 'plan', board, hasRegistry: hasCluster });
  const { release, revision } = planned;
  const objects = hasCluster ? await environment.preview?.(planned, io.signal) : undefined;
  const stable = status.stable ? await environment.release(status.stable.release) : undefined;
  const result: PlanResult = {
    environment: name,
    ...(unseen === undefined ? { state: status.state } : { unseen }),
    release: release.id,
    revision,
    ...findingOf(release, status, records),
    ...(status.stable ? { stable: status.stable.release } : {}),
    changes: [
      ...(stable ? changesOf(stable, release) : []),
      ...replicasChange(status, wantedReplicas(environmentConfig)),
      ...(environmentConfig.target === 'local' ? portChange(status, environmentConfig.port) : []),
    ],
    ...(objects ? { objects: objects.map(toDifferenceJson) } : {}),
    costs: environment.costs,
    ...(cloud ? { cloud: toCloudPlanJson(cloud) } : {}),
  };
  const about = {
    hasTests: image === undefined && config.service.test !== undefined,
    hasSecrets: Object.keys(sources).length > 0,
  };
  return {
    json: result,
    lines: showPlan(result, about, {
      style: cli.out,
      now: io.now(),
      columns: columnsOf(io.stdout),
    }),
    next: nextAfter(result, image),
    labelWidth: labelWidthFor(name),
  };
}

interface Seen {
  readonly status: Pick<Status, 'state' | 'stable' | 'replicas' | 'url'>;
  readonly records: readonly RolloutRecord[];
  /** Why the cluster could not be asked. */
  readonly unseen?: string;
}

/** Whoever may read an account of a cloud need not be let into the cluster there, and can plan what is made all the same. */
async function look(environment: Environment, signal: AbortSignal): Promise<Seen> {
  try {
    const [status, records] = await Promise.all([environment.status(signal), environment.history(signal)]);
    return { status, records };
  } catch (error) {
    if (!environment.cloud || !isOutOfReach(error)) throw error;
    return { status: { state: 'absent' }, records: [], unseen: error.message };
  }
}

function findingOf(
  { id }: Release,
  { stable }: Seen['status'],
  records: readonly RolloutRecord[],
): Pick<PlanResult, 'found' | 'because'> {
  if (stable?.release === id) return { found: 'serves' };
  const last = records.findLast(({ release }) => release === id)?.verdict;
  if (!last) return { found: 'new' };
  return last.kind === 'good'
    ? { found: 'good' }
    : { found: 'failed', because: `${last.cause}, ${namePathsOnce(last.message)}` };
}

function changesOf(from: Release, to: Release): readonly Change[] {
  const digests = changesBetween(digestsOf(from), digestsOf(to));
  const command = changesBetween({ command: from.command }, { command: to.command });
  return [...digests, ...command, ...changesBetween(inConfigSpelling(from), inConfigSpelling(to))];
}

function digestsOf({ artifact, image }: Release): object {
  return { artifact: shortId(artifact), image: image && shortId(image) };
}

function wantedReplicas(config: EnvironmentConfig): NonNullable<Status['replicas']> {
  return config.target !== 'local' && config.autoscale ? 'autoscaled' : config.replicas;
}

function replicasChange(
  { replicas }: Seen['status'],
  wanted: NonNullable<Status['replicas']>,
): readonly Change[] {
  return replicas === undefined || replicas === wanted
    ? []
    : [{ field: 'replicas', from: replicas, to: wanted }];
}

/** The front door moves to another port when its supervisor is replaced, which `up` alone does. */
function portChange({ url }: Seen['status'], wanted: number): readonly Change[] {
  const port = url === undefined ? wanted : Number(new URL(url).port);
  return port === wanted ? [] : [{ field: portField, from: port, to: wanted }];
}

const portField = 'port';

interface AboutPlan {
  readonly hasTests: boolean;
  readonly hasSecrets: boolean;
}

function showPlan(
  plan: PlanResult,
  { hasTests, hasSecrets }: AboutPlan,
  { style, now, columns }: Omit<Dressing, 'width'>,
): readonly string[] {
  const width = labelWidthFor(plan.environment);
  const room = { width, columns };
  const line = (label: string, text: string) => renderWrapped({ label, text }, style, room);
  const below = (text: string) => renderBelow(text, style, room);
  const {
    environment: name,
    state,
    unseen,
    release,
    revision,
    found,
    because,
    stable,
    changes,
    costs,
  } = plan;
  const objects = plan.objects ?? [];
  const about = because ?? (isDone(plan) ? 'nothing to do' : undefined);
  return [
    ...line(name, state ? stateTexts[state] : `is not seen: ${unseen}`),
    ...line('release', `${shortId(release)}  ${revision}`),
    ...(state ? line('', `${foundText(found, hasTests)}${about ? `: ${about}` : ''}`) : []),
    ...(stable && stable !== release ? line('replaces', shortId(stable)) : []),
    ...changes.flatMap((change) => below(showChange(change))),
    ...(objects.length > 0 ? line('cluster', `${count(objects.length, 'change')}, as its server says`) : []),
    ...objects.flatMap((difference) => below(showObjectChange(difference))),
    ...(hasSecrets ? line('secrets', secretsText) : []),
    ...line('costs', costs),
    ...(plan.cloud ? showCloudPlan(plan.cloud, { style, width, columns, now }) : []),
  ];
}

function nextAfter(plan: PlanResult, image: string | undefined): readonly string[] {
  const { environment: name } = plan;
  return isDone(plan)
    ? []
    : [`causeway up${atEnvironment(name)}${image === undefined ? '' : ` --image ${image}`}`];
}

function isDone({ found, unseen, changes, objects = [], cloud }: PlanResult): boolean {
  return (
    unseen === undefined &&
    found === 'serves' &&
    changes.length === 0 &&
    objects.length === 0 &&
    !cloud?.changes.length
  );
}

const stateTexts = {
  absent: 'is not up: it would be made',
  stopped: 'is stopped: it would be started again',
  empty: 'is up, and has no good release yet',
  'rolling-out': 'is rolling out: that would be ended first',
  serving: 'serves',
  degraded: 'is degraded',
} as const satisfies Record<NonNullable<PlanResult['state']>, string>;

function foundText(found: PlanResult['found'], hasTests: boolean): string {
  const fate = hasTests ? 'it would be tested and rolled out' : 'it would be rolled out';
  switch (found) {
    case 'new':
      return `is new here: ${fate}`;
    case 'serves':
      return 'serves already';
    case 'good':
      return `was good here before: ${fate}`;
    case 'failed':
      return 'failed here before';
  }
}

const secretsText = 'read when it is rolled out; a changed value starts the replicas anew';

function showChange({ field, from, to }: Change): string {
  const note = field === portField ? ' (the address is away for a moment)' : '';
  return `${field}: ${show(from)} → ${show(to)}${note}`;
}

function show(value: unknown): string {
  return value === undefined ? 'none' : typeof value === 'string' ? value : JSON.stringify(value);
}
