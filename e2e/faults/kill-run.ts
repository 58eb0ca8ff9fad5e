import type { RolloutRecord } from '../../src/core/record.ts';
import type { Load } from '../../src/load/load.ts';
import type { Failure } from '../../src/load/report.ts';
import type { Shape } from '../../src/load/shape.ts';
import {
  type Ended,
  endNow,
  isRunning,
  makeProject,
  mustEnd,
  type Project,
  type Started,
  stackLine,
} from '../local/project.ts';
import { checkState } from './check-state.ts';
import { explain, type Kill, type Reason, type Victim } from './loss.ts';

export interface KillRunOptions {
  readonly random: () => number;
  readonly rollouts: number;
  readonly kills: number;
  /** The load goes on until so many have ended. */
  readonly requests: number;
  readonly shape: Shape;
  readonly say: (line: string) => void;
}

export interface KillRunReport {
  readonly kills: Readonly<Record<Victim, number>>;
  /** How often commands ended so: by what they printed, or by the signal. */
  readonly ends: Readonly<Record<string, number>>;
  readonly verdicts: Readonly<Record<string, number>>;
  readonly requests: number;
  readonly retried: number;
  readonly reasons: Readonly<Partial<Record<Reason, number>>>;
  /** How long the address was away after each kill of the supervisor alone. */
  readonly awayMs: readonly number[];
  /** What broke a promise; empty where none was. */
  readonly broken: readonly string[];
}

interface Act {
  readonly args: readonly string[];
  readonly title: string;
  /** Its answers are errors. */
  readonly isBad?: boolean;
}

const victims: readonly Victim[] = ['command', 'supervisor', 'keeper', 'replica', 'supervisor and keeper'];
/** How often each is chosen, of ten. */
const shares: readonly number[] = [2, 2, 2, 3, 1];
/** From a command's first moment to after the end of its rollout. */
const longestMs = 2_000;
const bake = '300ms';
/** A keeper that was killed is replaced a second later at most; one that becomes a supervisor starts another. */
const keeperMs = 2_000;

/**
 * Rollouts and rollbacks under load, during which processes are killed at random moments. After each, what the
 * next command finds is compared with what was promised.
 */
export async function runKills(options: KillRunOptions): Promise<KillRunReport> {
  await using project = await makeProject({ environment: { bake, deadlines: { start: '3s' } } });
  await mustEnd(project.causeway('up'));
  const load = project.load(options.shape, { failuresKept: Number.POSITIVE_INFINITY });
  const run = new KillRun(project, load, options);
  for (let round = 0; round < options.rollouts; round += 1) await run.round(round);
  return await run.end();
}

class KillRun {
  readonly #project: Project;
  readonly #load: Load;
  readonly #options: KillRunOptions;
  readonly #kills: Kill[] = [];
  readonly #ends: Record<string, number> = {};
  readonly #bad = new Set<string>();
  readonly #awayMs: number[] = [];
  readonly #broken: string[] = [];
  readonly #watches: Promise<void>[] = [];
  #records: readonly RolloutRecord[] = [];
  #title = '';
  #killsBefore = 0;

  constructor(project: Project, load: Load, options: KillRunOptions) {
    this.#project = project;
    this.#load = load;
    this.#options = options;
  }

  async round(number: number): Promise<void> {
    const { random, kills, rollouts, say } = this.#options;
    const count = Math.round((kills * (number + 1)) / rollouts) - Math.round((kills * number) / rollouts);
    const plan = Array.from({ length: count }, () => ({
      victim: chooseVictim(random),
      afterMs: random() * longestMs,
    }));
    const { args, title, isBad = false } = this.#prepare(number);
    this.#killsBefore = this.#kills.length;
    plan.sort((a, b) => a.afterMs - b.afterMs);
    const told = plan.map(({ victim, afterMs }) => `${victim} after ${Math.round(afterMs)} ms`).join(', ');
    this.#title = `round ${number}: ${title}; killed: ${told}`;
    const failed = this.#load.report().failed;

    const startedAt = performance.now();
    const command = this.#project.start(...args);
    for (const { victim, afterMs } of plan) {
      await Bun.sleep(Math.max(0, startedAt + afterMs - performance.now()));
      this.#kill(victim, command);
    }
    const ended = await command.ended;
    this.#judgeEnd(ended);
    await this.#comeBack();
    await this.#judgeState(isBad);
    say(`${this.#title}: ${endOf(ended)}; ${this.#load.report().failed - failed} failed`);
  }

  async end(): Promise<KillRunReport> {
    const { requests: wanted, shape } = this.#options;
    await this.#load.until(({ requests }) => requests >= wanted);
    const { requests, retried, failures, stray } = await this.#load.stop();
    await Promise.all(this.#watches);
    if (stray > 0) this.#broken.push(`${stray} connections got bytes that nobody had asked for`);
    const repeatable = new Set(shape.filter(isRepeatable).map(({ label }) => label));
    const reasons: Partial<Record<Reason, number>> = {};
    for (const failure of failures) {
      const reason = explain({ failure, kills: this.#kills, repeatable, bad: this.#bad });
      if (reason === undefined) this.#broken.push(`lost: ${describeFailure(failure, this.#kills)}`);
      else reasons[reason] = (reasons[reason] ?? 0) + 1;
    }
    const down = await this.#project.causeway('down');
    if (down.exitCode !== 0 || this.#project.strays().length > 0)
      this.#broken.push(
        `down ended with ${down.exitCode}: ${down.stdout}${down.stderr}; left: ${this.#project.strays()}`,
      );
    return {
      kills: countBy(
        this.#kills.map(({ victim }) => victim),
        victims,
      ),
      ends: this.#ends,
      verdicts: countBy(this.#records.map(verdictOf)),
      requests,
      retried,
      reasons,
      awayMs: this.#awayMs,
      broken: this.#broken,
    };
  }

  /** Most rollouts are good ones; the bad ones are noticed at their start, or by their answers. */
  #prepare(number: number): Act {
    const { random } = this.#options;
    const dice = random();
    if (dice < 0.2 && number > 1) return { args: ['rollback', '--json'], title: 'rollback' };
    if (dice < 0.3) {
      this.#project.use('all-errors-under-traffic.ts', { mark: `bad ${number}` });
      return { args: ['deploy', '--json'], title: 'deploy of errors', isBad: true };
    }
    if (dice < 0.4) {
      this.#project.use('crash-at-start.ts');
      return { args: ['deploy', '--json'], title: 'deploy of a crash' };
    }
    this.#project.use('good.ts', { mark: `good ${number}` });
    return { args: ['deploy', '--json'], title: 'deploy' };
  }

  #kill(victim: Victim, command: Started): void {
    const { supervisors, keepers, replicas } = this.#project.processes();
    const pids = {
      command: command.process.exitCode === null ? [command.process.pid] : [],
      supervisor: supervisors,
      keeper: keepers,
      replica: replicas.slice(Math.floor(this.#options.random() * replicas.length)).slice(0, 1),
      // The keeper first: it must not see the supervisor's end.
      'supervisor and keeper': [...keepers, ...supervisors],
    }[victim];
    if (pids.length === 0) return;
    const kill: { victim: Victim; at: number; goneAt?: number; backAt?: number } = { victim, at: Date.now() };
    for (const pid of pids) endNow(pid);
    this.#kills.push(kill);
    this.#watches.push(
      whenGone(pids).then((goneAt) => {
        kill.goneAt = goneAt;
      }),
    );
    if (!victim.startsWith('supervisor')) return;
    this.#watches.push(
      this.#answersAgain().then((backAt) => {
        kill.backAt = backAt;
        const next = this.#kills.find(
          ({ victim: other, at }) => other.startsWith('supervisor') && at > kill.at,
        );
        if (victim === 'supervisor' && (next === undefined || next.at > backAt))
          this.#awayMs.push(backAt - kill.at);
      }),
    );
  }

  async #answersAgain(): Promise<number> {
    for (;;) {
      const status = await this.#project.ask('/livez').then(
        (answer) => answer.status,
        () => 0,
      );
      if (status !== 0) return Date.now();
      await Bun.sleep(5);
    }
  }

  /** A command that lived ends with what it knows, in the product's words; never with a stack. */
  #judgeEnd(ended: Ended): void {
    const end = endOf(ended);
    this.#ends[end] = (this.#ends[end] ?? 0) + 1;
    if (ended.exitCode === null) return;
    if (!expectedEnds.has(end)) this.#break(`the command ended with ${end}: ${ended.stderr}`);
    if (stackLine.test(ended.stderr)) this.#break(`the command printed a stack: ${ended.stderr}`);
  }

  /** The next command finds what is there, and brings back what is not. */
  async #comeBack(): Promise<void> {
    const status = await this.#project.causeway('status', '--json');
    const { state, because } = status.json();
    if (status.exitCode !== 0) return this.#break(`status ended with ${status.exitCode}: ${status.stderr}`);
    if (state !== 'stopped') return;
    if (because !== 'its supervisor has ended') this.#break(`status says it is stopped because ${because}`);
    if (!this.#mayHaveStopped()) this.#break('it is stopped, though the keeper lived');
    const up = await this.#project.causeway('up', '--json');
    if (!expectedEnds.has(endOf(up))) this.#break(`up ended with ${endOf(up)}: ${up.stderr}`);
  }

  /** Both were killed, or the supervisor before it had another keeper. */
  #mayHaveStopped(): boolean {
    const kills = this.#kills.slice(this.#killsBefore);
    return kills.some(({ victim, at }) => {
      if (victim === 'supervisor and keeper') return true;
      const before = (other: Kill) =>
        other.victim !== 'command' && other.victim !== 'replica' && other.at < at && at - other.at < keeperMs;
      return victim === 'supervisor' && kills.some(before);
    });
  }

  async #judgeState(isBad: boolean): Promise<void> {
    const { records, broken } = await checkState(this.#project, this.#records);
    for (const what of broken) this.#break(what);
    const fresh = records.slice(this.#records.length);
    if (isBad) for (const { release } of fresh) this.#bad.add(release.slice(0, 7));
    this.#records = records;
  }

  #break(what: string): void {
    this.#broken.push(`${this.#title}: ${what}`);
  }
}

async function whenGone(pids: readonly number[]): Promise<number> {
  while (pids.some(isRunning)) await Bun.sleep(1);
  return Date.now();
}

/** How a command may end while processes are killed around it. */
const expectedEnds: ReadonlySet<string> = new Set([
  'exit 0',
  'exit 1, nothing_to_roll_back',
  'exit 1, environment_stopped',
  'exit 1, supervisor_failed',
  'exit 3, rollout_failed',
  // The supervisor and its keeper were killed as it ended: nothing serves.
  'exit 1, rollout_failed',
]);

function endOf({ exitCode, json }: Ended): string {
  if (exitCode === null || exitCode === 137) return 'killed';
  const code = exitCode === 0 ? undefined : json().error?.code;
  return `exit ${exitCode}${code === undefined ? '' : `, ${code}`}`;
}

function chooseVictim(random: () => number): Victim {
  let dice = random() * 10;
  for (const [index, share] of shares.entries()) {
    dice -= share;
    if (dice < 0) return victims[index] ?? 'replica';
  }
  return 'replica';
}

function isRepeatable({ method = 'GET', path }: Shape[number]): boolean {
  return method !== 'POST' && !path.startsWith('/big');
}

function describeFailure(failure: Failure, kills: readonly Kill[]): string {
  const near = kills
    .filter(({ at }) => Math.abs(at - failure.at) < 15_000)
    .map(
      ({ victim, at, goneAt = at, backAt }) =>
        `${victim} ${at - failure.at}, gone ${goneAt - failure.at}${backAt === undefined ? '' : `, back ${backAt - failure.at}`}`,
    );
  return `${JSON.stringify(failure)}; kills about it, in ms: ${near.join(', ')}`;
}

function verdictOf({ verdict }: RolloutRecord): string {
  return verdict.kind === 'failed' ? verdict.cause : verdict.kind;
}

function countBy<Name extends string>(
  names: readonly Name[],
  known: readonly Name[] = [],
): Record<Name, number> {
  const counts = Object.fromEntries(known.map((name) => [name, 0])) as Record<Name, number>;
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
