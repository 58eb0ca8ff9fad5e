import type { Difference } from '../../core/difference.ts';
import { showMs } from '../../core/duration.ts';
import type { RolloutEvent } from '../../core/event.ts';
import type { RolloutRecord } from '../../core/record.ts';
import type { Finding } from '../../core/target.ts';
import type { TrafficTotal } from '../../core/traffic.ts';
import type { Evidence, Judgement } from '../../core/verdict.ts';
import { showMended } from '../difference.ts';
import { count } from '../terminal/count.ts';
import { namePathsOnce } from '../terminal/name-paths-once.ts';
import type { StepLine } from '../terminal/step-line.ts';

/** What of a rollout's story was told, and the step that it is at. */
export interface RolloutView {
  /** How many stable replicas serve beside the candidate. */
  readonly beside: number;
  readonly now?: StepLine & { readonly key: string };
  /** Up to now, and up to the end of the last watch that was told. */
  readonly traffic?: TrafficTotal;
  readonly told?: TrafficTotal;
  readonly isBad?: boolean;
  /** Why it is bad, as it was told. */
  readonly because?: string;
  /** Whether it was told what was seen of a bad release. */
  readonly isProven?: boolean;
  /** How many replicas were to be drained at first. */
  readonly toDrain?: number;
}

export interface ToldLine extends StepLine {
  /** What stands below it. */
  readonly below?: readonly string[];
}

/** One event told: what has ended for good stands above, what is under way is the view's `now`. */
export interface Told {
  readonly view: RolloutView;
  readonly ended: readonly ToldLine[];
}

/** Tells the next event of a rollout; a pure function of what was told before. */
export function showRollout(view: RolloutView, event: RolloutEvent): Told {
  switch (event.kind) {
    case 'noted':
      return tell(view, ...event.notes.filter(({ hint }) => hint !== '').map(noteLine));
    case 'mended':
      return tell(view, mendedLine(event.differences));
    case 'begun':
      return showBegin(view, event);
    case 'command':
      return goTo(view, { key: 'command', label: 'release', text: event.command.join(' ') });
    case 'starting':
      return goTo(view, { key: `start ${event.size}`, label: 'start', text: startText(view, event) });
    case 'watching': {
      const text = watchText(view, event);
      return goTo({ ...view, traffic: event.traffic }, { key: `watch ${event.size}`, label: 'watch', text });
    }
    case 'unattended':
      return tell(view, {
        label: 'attend',
        text: `stay with this rollout: no agent would take it out, ${event.because}`,
      });
    case 'disturbed':
      return tell(view, { label: 'note', text: event.what });
    case 'unreachable':
      return goTo(view, { key: 'wait', label: 'wait', text: `no answer: ${event.cause}` });
    case 'held':
      return tell(view, {
        label: 'hold',
        text: `good after ${showSpan(event.forMs)} at the earliest: routes may not know the new replicas yet`,
      });
    case 'judged':
      return showJudgement(view, event.judgement);
    case 'evidence':
      return showEvidence(view, event.evidence);
    case 'draining':
      return showDrain(view, event);
    case 'ended':
      return showEnd(view, event.record);
  }
}

/** What needs nothing done about it is in `--json` and in `doctor`. */
function noteLine({ message, hint }: Finding): ToldLine {
  return { label: 'note', text: `${message}; ${hint}` };
}

function mendedLine(differences: readonly Difference[]): ToldLine {
  const text = `${count(differences.length, 'difference')} from release or config, put right`;
  return { label: 'mend', text, below: differences.map(showMended) };
}

/** Another rollout may have been taken out before it: what was seen of that one is not its own. */
function showBegin(
  view: RolloutView,
  { isResumed, rollout }: Extract<RolloutEvent, { kind: 'begun' }>,
): Told {
  const resumed = isResumed ? [{ label: 'resume', text: `the rollout that ${rollout.by} began` }] : [];
  return { view: { beside: view.beside }, ended: tell(view, ...resumed).ended };
}

function verdictText(judgement: Judgement): string {
  return judgement.kind === 'good'
    ? 'good'
    : `failed: ${judgement.cause}, ${namePathsOnce(judgement.message)}`;
}

/** The step is under way; another one that was under way has ended. */
function goTo(view: RolloutView, now: StepLine & { readonly key: string }): Told {
  if (view.now === undefined || view.now.key === now.key) return { view: { ...view, now }, ended: [] };
  const { view: after, ended } = finish(view);
  return { view: { ...after, now }, ended };
}

function tell(view: RolloutView, ...lines: readonly ToldLine[]): Told {
  const { view: after, ended } = finish(view);
  return { view: after, ended: [...ended, ...lines] };
}

function finish(view: RolloutView): Told {
  const { now, ...rest } = view;
  if (!now) return { view, ended: [] };
  const { key, ...line } = now;
  const isWatch = key.startsWith('watch');
  return { view: isWatch && view.traffic ? { ...rest, told: view.traffic } : rest, ended: [line] };
}

const mostDots = 16;

function startText(view: RolloutView, event: Extract<RolloutEvent, { kind: 'starting' }>): string {
  const { size, ready, wanted, waitingFor } = event;
  const beside = event.beside ?? (size === 'one' ? view.beside : 0);
  const dots = wanted <= mostDots ? `${'●'.repeat(ready)}${'○'.repeat(Math.max(0, wanted - ready))} ` : '';
  const place = beside > 0 ? ` beside ${beside} stable` : '';
  const state =
    ready >= wanted ? (place ? '' : ', ready') : waitingFor ? `: ${namePathsOnce(waitingFor)}` : '';
  return `${dots}${ready} of ${wanted}${place}${state}`;
}

/** The requests since the last watch that was told, so that each stands in one line and none in two. */
function watchText(
  { told }: RolloutView,
  { elapsedMs, bakeMs, traffic }: Extract<RolloutEvent, { kind: 'watching' }>,
): string {
  const requests = traffic.requests - (told?.requests ?? 0);
  const errors = traffic.errors - (told?.errors ?? 0);
  const lost = traffic.lost - (told?.lost ?? 0);
  const time = elapsedMs < bakeMs ? `${showMs(elapsedMs)} of ${showSpan(bakeMs)}` : showSpan(bakeMs);
  return `${time}, ${count(requests, 'request')}${errors > 0 ? `, ${count(errors, 'error')}` : ''}, ${lost} lost`;
}

/** A span as the config has it: `2 s`, not `2.0 s`. */
function showSpan(ms: number): string {
  return showMs(ms).replace('.0 ', ' ');
}

function showJudgement(view: RolloutView, judgement: Judgement): Told {
  const isBad = judgement.kind === 'failed';
  const line: StepLine = { label: 'verdict', text: verdictText(judgement), mood: isBad ? 'bad' : 'good' };
  return tell({ ...view, isBad, ...(isBad ? { because: judgement.message } : {}) }, line);
}

const mostLines = 12;

/** How a bad release ended, and below it what it printed last. Where it printed nothing the verdict may have said all. */
function showEvidence(view: RolloutView, { exit, lines }: Evidence): Told {
  if (lines.length === 0 && (exit === undefined || view.because?.startsWith(exit)))
    return tell({ ...view, isProven: true });
  const below = alike(lines).slice(-mostLines);
  const text = exit === undefined ? 'it printed last' : namePathsOnce(exit);
  return tell({ ...view, isProven: true }, { label: 'evidence', text, below });
}

/** Of lines that differ in numbers alone, the last, with how many there are; what is indented belongs to the one above. */
function alike(lines: readonly string[]): readonly string[] {
  const kinds = new Map<string, { readonly line: string; readonly times: number }>();
  for (const line of lines) {
    const kind = line.replaceAll(/\d+/g, '0');
    kinds.set(kind, { line, times: (kinds.get(kind)?.times ?? 0) + 1 });
  }
  return [...kinds.values()].map(({ line, times }) =>
    times > 1 && !/^\s/.test(line) ? `${line} (${times} alike)` : line,
  );
}

function showDrain(
  view: RolloutView,
  { left, stable }: Pick<Extract<RolloutEvent, { kind: 'draining' }>, 'left' | 'stable'>,
): Told {
  const toDrain = Math.max(view.toDrain ?? 0, left);
  const of = view.isBad ? 'candidate' : 'earlier';
  const { ready = 0, wanted = 0, waitingFor } = stable ?? {};
  const why = waitingFor === undefined ? '' : `: ${namePathsOnce(waitingFor)}`;
  const back = ready < wanted ? `, ${ready} of ${wanted} stable ready again${why}` : '';
  const text = `${count(toDrain, `${of} replica`)}, ${left === 0 ? 'gone' : `${left} left`}${back}`;
  return goTo({ ...view, toDrain }, { key: 'drain', label: view.isBad ? 'remove' : 'drain', text });
}

/** Whatever was still to be drained has gone by now. Who joined late has the evidence from the record alone. */
function showEnd(view: RolloutView, { verdict, traffic }: RolloutRecord): Told {
  const drained = view.now?.key === 'drain' ? showDrain(view, { left: 0 }).view : view;
  const evidence = verdict.kind === 'failed' ? verdict.evidence : undefined;
  const { view: after, ended } = evidence && !view.isProven ? showEvidence(drained, evidence) : tell(drained);
  return { view: after, ended: [...ended, ...wholeTraffic(view, traffic)] };
}

/**
 * Where anything failed: all of it, as the record counts it. A watch tells of its own time alone, and requests go on until
 * the replicas that have to go are gone.
 */
function wholeTraffic(
  { traffic: watched, isBad = false }: RolloutView,
  { requests, errors, lost }: TrafficTotal,
): readonly ToldLine[] {
  if (errors <= 0 && lost <= 0) return [];
  const late = watched === undefined ? 0 : errors - watched.errors;
  const when = isBad ? 'after the verdict, until it was out' : 'after the last watch';
  const failures = `${count(errors, 'error')}${late > 0 ? ` (${late} ${when})` : ''}`;
  return [
    { label: 'traffic', text: `${count(requests, 'request')} from start to end, ${failures}, ${lost} lost` },
  ];
}
