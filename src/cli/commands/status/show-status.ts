import { showMs } from '../../../core/duration.ts';
import type { ReplicaStatus, Status } from '../../../core/environment.ts';
import { shortId } from '../../../core/release.ts';
import { atEnvironment } from '../../at-environment.ts';
import { count } from '../../terminal/count.ts';
import { printable } from '../../terminal/printable.ts';
import { labelWidthFor, renderBelow, renderWrapped, type StepLine } from '../../terminal/step-line.ts';
import type { Style } from '../../terminal/style.ts';

interface Dressing {
  readonly style: Style;
  readonly now: number;
  /** Infinite where there is no terminal. */
  readonly columns: number;
}

/** What runs in an environment, for people. */
export function showStatus(status: Status, { style, now, columns }: Dressing): readonly string[] {
  const lines: StepLine[] = [
    { label: status.environment, text: headText(status), mood: moodOf(status) },
    ...stableLine(status, now),
    ...rolloutLine(status, now),
    ...replicaLines(status.running, now),
    ...trafficLine(status),
    ...cloudLines(status, now),
  ];
  const room = { width: labelWidthFor(status.environment), columns };
  const why = status.because === undefined ? [] : renderBelow(status.because, style, room);
  const [head = [], ...rest] = lines.map((line) => renderWrapped(withoutMood(line), style, room));
  return [...head, ...why, ...rest.flat()];
}

/** Of an environment in a cloud whose cluster cannot be asked: what its account tells. */
export function showCloud(
  name: string,
  cloud: NonNullable<Status['cloud']>,
  { style, now, columns }: Dressing,
): readonly string[] {
  const room = { width: labelWidthFor(name), columns };
  return cloudLines({ cloud }, now).flatMap((line) => renderWrapped(line, style, room));
}

/** The same in one line, for a watch without a terminal. */
export function statusLine({ environment, state, stable, rollout, running, because }: Status): string {
  const ready = running.filter(({ phase }) => phase === 'ready').length;
  const parts = [
    `${environment} ${stateTexts[state]}`,
    ...(stable ? [shortId(stable.release)] : []),
    ...(rollout ? [`→ ${shortId(rollout.release)}`] : []),
    ...(running.length > 0 ? [`${ready} of ${count(running.length, 'replica')} ready`] : []),
    ...(because ? [because] : []),
  ];
  return printable(parts.join('  '));
}

/** What the user may do now. */
export function nextAfter({ state, environment: name, target, cloud }: Status): readonly string[] {
  const at = atEnvironment(name);
  if (cloud?.state === 'expired') return [`causeway down${at} verifies that all is gone`, `causeway up${at}`];
  if (state === 'absent' || state === 'stopped' || state === 'empty') return [`causeway up${at}`];
  if (state === 'rolling-out') return [`causeway status${at} --watch`];
  if (state === 'degraded')
    return [
      `causeway logs${at}`,
      ...(target === 'local' ? [] : [`causeway drift${at}`]),
      `causeway rollback${at}`,
    ];
  return [];
}

const stateTexts = {
  absent: 'is not up',
  stopped: 'is stopped: nothing runs it now',
  empty: 'is up, and has no good release yet',
  'rolling-out': 'is rolling out',
  serving: 'serves',
  degraded: 'is degraded: the stable release is not well',
} as const satisfies Record<Status['state'], string>;

function headText({ state, url }: Status): string {
  return `${stateTexts[state]}${url && state !== 'absent' ? `   ${url}` : ''}`;
}

function moodOf({ state }: Status): 'good' | 'bad' {
  return state === 'degraded' || state === 'stopped' ? 'bad' : 'good';
}

function withoutMood(line: StepLine): StepLine {
  if (line.mood !== 'good') return line;
  const { mood: _, ...plain } = line;
  return plain;
}

function stableLine({ stable }: Status, now: number): readonly StepLine[] {
  if (!stable) return [];
  const since = stable.since === undefined ? '' : `  good for ${showMs(now - stable.since)}`;
  return [
    {
      label: 'stable',
      text: `${shortId(stable.release)}${stable.revision ? `  ${stable.revision}` : ''}${since}`,
    },
  ];
}

function rolloutLine({ rollout }: Status, now: number): readonly StepLine[] {
  if (!rollout) return [];
  const { kind, release, by, startedAt, judged, revision } = rollout;
  const state = judged ? (judged.kind === 'good' ? ', found good' : `, failed: ${judged.message}`) : '';
  const what = `${kind} of ${shortId(release)}${revision ? `  ${revision}` : ''}`;
  return [{ label: 'rollout', text: `${what}  by ${by} for ${showMs(now - startedAt)}${state}` }];
}

/** One line each, in columns. */
function replicaLines(replicas: readonly ReplicaStatus[], now: number): readonly StepLine[] {
  const rows = replicas.map((replica) => replicaCells(replica, now));
  const widthAt = (at: number) => Math.max(...rows.map((cells) => cells[at]?.length ?? 0));
  return rows.map((cells, index) => {
    const text = cells.map((cell, at) => cell.padEnd(widthAt(at))).join('  ');
    return { label: 'replica', text: text.trimEnd(), ...(replicas[index]?.trouble ? { mood: 'bad' } : {}) };
  });
}

function replicaCells(
  { id, release, phase, restarts, startedAt, trouble }: ReplicaStatus,
  now: number,
): readonly string[] {
  const mark = phase === 'ready' ? '●' : '○';
  return [
    id.includes(shortId(release)) ? `${mark} ${id}` : `${mark} ${id}  ${shortId(release)}`,
    // When it began to leave is not told.
    phase === 'draining' ? phase : `${phase} for ${showMs(now - startedAt)}`,
    restarts === 0 ? 'no restart' : count(restarts, 'restart'),
    trouble ?? '',
  ];
}

/** Which account, what it costs, and when it ends. */
function cloudLines({ cloud }: Pick<Status, 'cloud'>, now: number): readonly StepLine[] {
  if (!cloud) return [];
  const { account, region, state, because, expiresAt, costSoFar, perHour } = cloud;
  const place = `${account}  ${region}${because === undefined ? '' : `  ${because}`}`;
  const lines: StepLine[] = [
    {
      label: 'account',
      text: place,
      ...(state === 'broken' || state === 'expired' ? { mood: 'bad' as const } : {}),
    },
  ];
  if (costSoFar !== undefined && perHour !== undefined)
    lines.push({
      label: 'costs',
      text: `$${costSoFar.toFixed(2)} so far, $${perHour.toFixed(3)} an hour, by the table`,
    });
  if (state === 'absent' || state === 'expired') return lines;
  if (expiresAt === undefined) return [...lines, { label: 'lives', text: 'until down: it is protected' }];
  const left =
    expiresAt > now ? `deletes itself in ${showMs(expiresAt - now)}` : 'its time is over: it deletes itself';
  return [...lines, { label: 'lives', text: left }];
}

function trafficLine({ traffic }: Status): readonly StepLine[] {
  if (!traffic) return [];
  const { requests, errors, lost } = traffic;
  return [
    { label: 'traffic', text: `${count(requests, 'request')}, ${count(errors, 'error')}, ${lost} lost` },
  ];
}
