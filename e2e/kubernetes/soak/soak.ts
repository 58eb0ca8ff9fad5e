import { wordsOf } from '../../../src/core/words-of.ts';
import type { Cluster, Node } from '../../cluster/cluster.ts';
import { processesBelow, type Started, until } from '../../local/project.ts';
import { objectsThatName } from '../left-over.ts';
import type { Load } from '../load.ts';
import type { Project } from '../project.ts';
import { serving, settled } from '../serving-project.ts';
import { checkRecords, checkSegments, checkTold, type Segment } from './check-history.ts';
import { checkLoad } from './check-load.ts';
import { type BadSpan, explain } from './explain.ts';
import { type StruckFault, strikeFault } from './faults.ts';
import { checkNaming, toldOf, whereNamed, whoMustName } from './naming.ts';
import { type PlannedFault, planSoak, type Rolled, type Round, type SoakSize } from './plan.ts';
import type { Attempt, Rolling, SoakReport } from './soak-report.ts';
import { whyNotDone } from './why-not-done.ts';

export interface SoakOptions extends SoakSize {
  /** One that may be harmed. */
  readonly cluster: Cluster;
  readonly seed: number;
  /** The load goes on until so many have ended. */
  readonly requests: number;
  /** Of 600 requests a second. */
  readonly scale: number;
  /** From the begin of one rollout to that of the next, at least. */
  readonly everyMs: number;
  readonly say: (line: string) => void;
}

const mostAttempts = 6;
const replicas = 2;

/** Rollouts under load in a cluster that is harmed meanwhile, one after the other, by a seed. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { cluster, seed, say } = options;
  const { node } = cluster;
  if (!node) throw new Error('a soak needs a cluster with a node of its own');
  await using project = await serving(cluster, {
    environment: { replicas, bake: '1s', preStop: '5s' },
  });
  const load = await project.load({ scale: options.scale });
  const running = new Soak({ ...options, project, node, load });
  const rounds = planSoak(seed, options);
  for (let index = 0; index < rounds.length || (running.isOwing && index < mostRounds(options)); index += 1) {
    const begunAt = Date.now();
    await running.round(index, rounds[index] ?? { rolled: 'good', faults: [] });
    await Bun.sleep(Math.max(0, begunAt + options.everyMs - Date.now()));
  }
  const missing = options.requests - load.report().requests;
  if (missing > 0) await load.more(missing, { withinMs: 20 * 60_000 });
  const report = await running.end();
  for (const problem of report.problems) say(`problem: ${problem}`);
  return report;
}

/** A few more for what could not strike before. */
function mostRounds({ rounds }: SoakSize): number {
  return rounds + 3;
}

interface Parts extends SoakOptions {
  readonly project: Project;
  readonly node: Node;
  readonly load: Load;
}

interface Served {
  readonly mark: string;
  readonly release: string;
}

class Soak {
  readonly #parts: Parts;
  readonly #faults: StruckFault[] = [];
  readonly #rounds: Rolling[] = [];
  readonly #bad: BadSpan[] = [];
  readonly #problems: string[] = [];
  /** What served, one after the other. */
  readonly #served: Served[] = [];
  /** What could not strike in its round, for nothing that it is for was there. */
  #pending: readonly PlannedFault[] = [];
  #command: Started | undefined;
  #mended: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A fault has not struck yet. */
  get isOwing(): boolean {
    return this.#pending.length > 0;
  }

  async round(index: number, { rolled, faults }: Round): Promise<void> {
    if (index === 0) this.#served.push(await this.#whatServes());
    const from = Date.now();
    const planned = [...this.#pending, ...faults];
    const watching = new AbortController();
    const pods = this.#watchCandidates(watching.signal);
    const striking = this.#strike(index, from, planned);
    const attempts = await this.#rollOut(index, rolled, planned);
    this.#pending = await striking;
    await this.#settle(index, rolled, attempts);
    const until = Date.now();
    watching.abort();
    if (isBad(rolled)) this.#bad.push(...spansOf(attempts, { from, until, pods: await pods }));
    this.#rounds.push({ round: index, rolled, from, until, attempts });
    this.#tell(index);
  }

  async end(): Promise<SoakReport> {
    const { project, load, seed } = this.#parts;
    const status = (await project.causeway('status', '--json')).json();
    const drift = await project.causeway('drift', '--json');
    const records = await project.records();
    const segments = await this.#segments();
    const report = await load.stop();
    await this.#down();
    const known = { faults: this.#faults, bad: this.#bad };
    const losses = report.failures.map((failure) => ({ failure, by: explain(failure, known) }));
    const faults = this.#faults.map((fault) => {
      const told = toldOf(this.#rounds[fault.round], records);
      return { ...fault, named: whereNamed(fault, told), mustBe: whoMustName(fault, told)?.id };
    });
    const problems = [
      ...this.#problems,
      ...(status.state === 'serving' ? [] : [`status is ${status.state}: ${status.because}`]),
      ...(drift.json().differences?.length === 0 ? [] : [`drift: ${drift.stdout}${drift.stderr}`]),
      ...checkSegments(segments),
      ...checkRecords(records, { stable: status.stable?.release }),
      ...checkTold(this.#rounds, records),
      ...checkLoad(report, losses, { records, faults }),
      ...checkNaming(faults),
      ...this.#pending.map(({ kind }) => `never struck: ${kind}`),
    ];
    return { seed, rounds: this.#rounds, faults, load: report, losses, records, problems };
  }

  get #stable(): Served {
    const stable = this.#served.at(-1);
    if (!stable) throw new Error('nothing served yet');
    return stable;
  }

  /** The same command until it has its end, or the one that gives up, where the seed has it after a kill. */
  async #rollOut(
    index: number,
    rolled: Rolled,
    planned: readonly PlannedFault[],
  ): Promise<readonly Attempt[]> {
    const attempts: Attempt[] = [];
    let args = this.#prepare(index, rolled);
    while (attempts.length < mostAttempts) {
      const attempt = await this.#run(args);
      attempts.push(attempt);
      if (attempt.exitCode === 0 || (attempt.exitCode === 3 && isBad(rolled))) break;
      if (attempt.exitCode === null) {
        await this.#expectStatus(index);
        const kill = planned.find(({ kind }) => kind === 'command killed');
        if ((kill?.pick ?? 0) > 0.5) args = ['rollback', '--to', this.#stable.release];
      } else {
        await this.#mended;
      }
    }
    return attempts;
  }

  #prepare(index: number, rolled: Rolled): readonly string[] {
    const { project, seed } = this.#parts;
    // Whoever is late for a part of the node that was away is no worse for it.
    project.configure({ environment: { deadlines: { start: rolled === 'never-ready.ts' ? '8s' : '60s' } } });
    if (rolled === 'rollback') return ['rollback', '--to', (this.#served.at(-2) ?? this.#stable).release];
    if (rolled === 'good') project.use('good.ts', { mark: `soak ${seed} ${index}` });
    else project.use(rolled);
    return ['deploy'];
  }

  async #run([command = '', ...rest]: readonly string[]): Promise<Attempt> {
    const from = Date.now();
    this.#command = this.#parts.project.start(command, ...rest, '--json');
    const { exitCode, stdout, stderr, json } = await this.#command.ended;
    this.#command = undefined;
    const record = exitCode === 0 || exitCode === 3 ? json().record : undefined;
    return {
      command: [command, ...rest].join(' '),
      exitCode,
      from,
      until: Date.now(),
      said: `${stderr}${stdout}`,
      ...(record ? { record } : {}),
    };
  }

  /** One after the other; what there is nothing to strike of is returned. */
  async #strike(
    round: number,
    from: number,
    planned: readonly PlannedFault[],
  ): Promise<readonly PlannedFault[]> {
    const { project, node } = this.#parts;
    const missed: PlannedFault[] = [];
    for (const fault of planned) {
      await Bun.sleep(Math.max(0, from + fault.afterMs - Date.now()));
      const striking = strikeFault({ project, node, command: () => this.#command }, fault, round);
      this.#mended = striking.catch(() => undefined);
      try {
        const struck = await striking;
        if (struck) this.#faults.push(struck);
        else missed.push(fault);
      } catch (error) {
        this.#problems.push(`round ${round}: ${fault.kind}: ${wordsOf(error)}`);
      }
    }
    return missed;
  }

  /** The pods that are not of the stable release, until the signal aborts. */
  async #watchCandidates(signal: AbortSignal): Promise<readonly string[]> {
    const { project } = this.#parts;
    const stable = this.#stable.release;
    const seen = new Set<string>();
    while (!signal.aborted) {
      const replicas = await project.replicas().catch(() => []);
      for (const { name, release } of replicas) if (!stable.startsWith(release)) seen.add(name);
      await Bun.sleep(100);
    }
    return [...seen];
  }

  /** A command that was killed leaves what the next one understands. */
  async #expectStatus(round: number): Promise<void> {
    await this.#mended;
    const { state, error } = (await this.#parts.project.causeway('status', '--json')).json();
    if (['serving', 'rolling-out', 'degraded'].includes(state ?? '')) return;
    this.#problems.push(`round ${round}: after the command was killed status is ${state} ${error?.message}`);
  }

  /** Afterwards all is as the last command said. */
  async #settle(round: number, rolled: Rolled, attempts: readonly Attempt[]): Promise<void> {
    const { project } = this.#parts;
    const about = `round ${round}, ${rolled}`;
    const last = attempts.at(-1);
    const isGivenUp = last?.command !== attempts[0]?.command;
    try {
      await settled(project, { replicas });
      const now = await this.#whatServes();
      const wanted = isBad(rolled) || isGivenUp ? this.#stable.mark : this.#markOf(round, rolled);
      if (now.mark !== wanted) this.#problems.push(`${about}: ${now.mark} serves instead of ${wanted}`);
      if (now.release !== this.#stable.release) this.#served.push(now);
    } catch (error) {
      this.#problems.push(`${about}: ${wordsOf(error)}`);
    }
    const exit = isBad(rolled) && !isGivenUp ? 3 : 0;
    if (last?.exitCode !== exit)
      this.#problems.push(`${about}: it ended with ${last?.exitCode}: ${last?.said}`);
    for (const attempt of attempts.slice(0, -1)) {
      const why = whyNotDone(attempt, this.#faults);
      if (why !== undefined) this.#problems.push(`${about}: ${why}: ${attempt.said}`);
    }
  }

  #markOf(round: number, rolled: Rolled): string {
    if (rolled === 'rollback') return (this.#served.at(-2) ?? this.#stable).mark;
    return `soak ${this.#parts.seed} ${round}`;
  }

  async #whatServes(): Promise<Served> {
    const { project } = this.#parts;
    let body = '';
    // By a route that is not back at the API yet, it does not come through.
    await until(
      'the service answers',
      async () => {
        body = await project.ask().then(
          (answer) => answer.body,
          () => '',
        );
        return body !== '';
      },
      { withinMs: 60_000 },
    );
    const { stable } = (await project.causeway('status', '--json')).json();
    return { mark: (JSON.parse(body) as { mark: string }).mark, release: stable?.release ?? '' };
  }

  async #segments(): Promise<readonly Segment[]> {
    const { items } = await this.#parts.project.read<{
      items: readonly { metadata: { name: string }; data?: Readonly<Record<string, string>> }[];
    }>('configmaps');
    const segments = items.filter(({ metadata }) => metadata.name.startsWith('shop-history-'));
    if (segments.length === 0) this.#problems.push('there is no history');
    return segments.map(({ metadata, data = {} }) => ({ name: metadata.name, data }));
  }

  async #down(): Promise<void> {
    const { project } = this.#parts;
    const { exitCode, stdout, stderr } = await project.causeway('down', '--yes', '--json');
    if (exitCode !== 0) this.#problems.push(`down ended with ${exitCode}: ${stderr}${stdout}`);
    const objects = await objectsThatName(project.cluster, project.namespace);
    if (objects.length > 0) this.#problems.push(`down leaves ${objects.join(', ')}`);
    const processes = processesBelow([project.base]);
    if (processes.length > 0) this.#problems.push(`${processes.length} processes are left`);
  }

  #tell(index: number): void {
    const { load, say, seed } = this.#parts;
    const round = this.#rounds.at(-1);
    if (!round) return;
    const faults = this.#faults.filter((fault) => fault.round === index).map(({ kind }) => kind);
    const exits = round.attempts.map(({ exitCode }) => (exitCode === null ? 'killed' : `exit ${exitCode}`));
    const seconds = ((round.until - round.from) / 1000).toFixed(1);
    const { requests, failed } = load.report();
    say(
      `seed ${seed}, round ${index}: ${round.rolled}; ${faults.join(', ') || 'no fault'}; ${exits.join(', ')}; ${seconds} s; ${failed} of ${requests} failed so far`,
    );
  }
}

function isBad(rolled: Rolled): boolean {
  return rolled !== 'good' && rolled !== 'rollback';
}

/** Its answers name the release by the first letters of its id. */
function spansOf(attempts: readonly Attempt[], about: Omit<BadSpan, 'release'>): readonly BadSpan[] {
  const releases = new Set(attempts.flatMap(({ record }) => (record ? [record.release.slice(0, 7)] : [])));
  return [...releases].map((release) => ({ release, ...about }));
}
