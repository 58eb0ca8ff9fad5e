import type { Difference } from '../core/difference.ts';
import type {
  DeployRequest,
  Environment,
  LogLine,
  LogQuery,
  Receipt,
  RollbackRequest,
  Status,
} from '../core/environment.ts';
import type { UserError } from '../core/errors.ts';
import type { Emit } from '../core/event.ts';
import { findGood, lastGoodBefore, makeRecord, type RolloutRecord, refuseUntrusted } from '../core/record.ts';
import type { Release } from '../core/release.ts';
import type { Outcome } from '../core/roll-out.ts';
import type { Rollout } from '../core/rollout.ts';
import type { Finding } from '../core/target.ts';
import type { Judgement } from '../core/verdict.ts';

const traffic = { requests: 240, errors: 0, lost: 0, retried: 0 };

/** An environment in memory, for the tests of commands: small, but its rollouts, records and refusals are real. */
export class FakeEnvironment implements Environment {
  readonly name: string = 'local';
  readonly costs: string = 'nothing: it runs on this machine';
  readonly releases = new Map<string, Release>();
  /** Good ones whose copies are gone. */
  readonly cleared = new Set<string>();
  readonly requests: DeployRequest[] = [];
  records: RolloutRecord[] = [];
  lines: LogLine[] = [];
  /** What a bad release printed, where that is more than its record keeps. */
  printed: string[] = [];
  findings: Finding[] = [];
  left: string[] = [];
  isMade = false;
  stable: { release: string; revision?: string; since: number } | undefined;
  /** How the next rollouts are judged. */
  judgement: Judgement = { kind: 'good' };
  /** The next rollout ends so instead. */
  outcome: Outcome | undefined;
  /** Called once the rollout has begun, which then goes on without its command. */
  onBegun: (() => void) | undefined;
  onMake: (() => void) | undefined;
  /** What `make` says that it did. */
  makes: string | undefined;
  /** What the preflight of the next rollouts finds that keeps them from nothing. */
  notes: Finding[] = [];
  /** What others changed where the release serves already, put right by the next deploy. */
  mends: Difference[] = [];
  /** What keeps every rollout here from beginning. */
  missing: UserError | undefined;
  oneOffExit = 0;
  now = 1_000_000;

  async status(): Promise<Status> {
    const about = { environment: this.name, target: 'local' as const, running: [] };
    if (!this.isMade) return { ...about, state: 'absent' };
    const url = 'http://127.0.0.1:8080';
    if (!this.stable) return { ...about, state: 'empty', url };
    const { release } = this.stable;
    const running = [1, 2].map((number) => ({
      id: `${release.slice(0, 7)}-${number}`,
      release,
      phase: 'ready' as const,
      restarts: number - 1,
      startedAt: this.now - 60_000,
    }));
    return { ...about, state: 'serving', url, stable: this.stable, replicas: 2, running, traffic };
  }

  async *watch(signal: AbortSignal): AsyncGenerator<Status> {
    yield this.status();
    yield this.status();
    this.isMade = false;
    yield this.status();
    signal.throwIfAborted();
  }

  async expectNeeds(): Promise<void> {
    if (this.missing) throw this.missing;
  }

  async make(): Promise<string | undefined> {
    this.onMake?.();
    this.isMade = true;
    return this.makes;
  }

  async deploy(request: DeployRequest, emit: Emit, signal: AbortSignal): Promise<Outcome> {
    const { release, by, revision, signedBy, isAgain } = request;
    this.requests.push(request);
    this.releases.set(release.id, release);
    if (this.outcome) return this.outcome;
    if (this.stable?.release === release.id && !isAgain) {
      if (this.mends.length > 0) emit({ kind: 'mended', differences: this.mends });
      return { kind: 'unchanged' };
    }
    const told = { ...(revision ? { revision } : {}), ...(signedBy ? { signedBy: [...signedBy] } : {}) };
    return this.#rollOut({ kind: 'deploy', release, by, ...told }, emit, signal);
  }

  async rollback({ to, by, trusted }: RollbackRequest, emit: Emit, signal: AbortSignal): Promise<Outcome> {
    const id = to
      ? findGood(this.records, to, this.name)
      : lastGoodBefore(this.records, this.stable?.release, this.name);
    if (this.stable?.release === id) return { kind: 'unchanged' };
    if (trusted) refuseUntrusted(this.records, id, trusted);
    const release = this.releases.get(id);
    if (!release) throw new Error(`no manifest of ${id}`);
    return this.#rollOut({ kind: 'rollback', release, by }, emit, signal);
  }

  async history(): Promise<readonly RolloutRecord[]> {
    return this.records;
  }

  async keeps(): Promise<(release: string) => boolean> {
    return (release) => !this.cleared.has(release);
  }

  async release(id: string): Promise<Release | undefined> {
    return this.releases.get(id);
  }

  async *logs({ lines, release = '' }: LogQuery): AsyncGenerator<LogLine> {
    const fitting = this.lines.filter((line) => line.release.startsWith(release));
    yield* lines === undefined ? fitting : fitting.slice(-lines);
  }

  async run(): Promise<number> {
    return this.oneOffExit;
  }

  async down(): Promise<Receipt> {
    const had = this.isMade ? ['supervisor', 'port 8080'] : [];
    this.isMade = false;
    this.stable = undefined;
    const items = had.map((what) => ({ what, isGone: !this.left.includes(what) }));
    return { environment: this.name, items, kept: ['history'] };
  }

  async doctor(): Promise<readonly Finding[]> {
    return this.findings;
  }

  #rollOut(
    what: Pick<Rollout, 'kind' | 'by' | 'revision' | 'signedBy'> & { readonly release: Release },
    emit: Emit,
    signal: AbortSignal,
  ): Outcome {
    const { kind, release, by, revision, signedBy } = what;
    const rollout: Rollout = {
      id: `rollout-${this.records.length + 1}`,
      kind,
      by,
      startedAt: this.now,
      ...(revision ? { revision } : {}),
      ...(signedBy ? { signedBy } : {}),
      release: release.id,
      artifact: release.artifact,
      ...(this.stable ? { replaces: this.stable.release } : {}),
      command: 'none',
    };
    if (this.notes.length > 0) emit({ kind: 'noted', notes: this.notes });
    emit({ kind: 'begun', rollout, isResumed: false });
    this.onBegun?.();
    signal.throwIfAborted();
    for (const size of this.stable && kind === 'deploy' ? (['one', 'all'] as const) : (['all'] as const)) {
      const wanted = size === 'one' ? 1 : 2;
      emit({ kind: 'starting', size, ready: 0, wanted });
      if (this.judgement.kind === 'failed') break;
      emit({ kind: 'starting', size, ready: wanted, wanted });
      if (kind === 'rollback') break;
      emit({
        kind: 'watching',
        size,
        elapsedMs: 2_000,
        bakeMs: 2_000,
        traffic: { ...traffic, requests: size === 'one' || !this.stable ? 240 : 500 },
      });
    }
    return this.#judge(rollout, emit);
  }

  #judge(rollout: Rollout, emit: Emit): Outcome {
    const { id, kind, by, release, artifact, revision, signedBy, replaces, startedAt } = rollout;
    emit({ kind: 'judged', judgement: this.judgement });
    if (this.judgement.kind === 'failed' && this.judgement.evidence) {
      const { exit, lines } = this.judgement.evidence;
      const printed = this.printed.length > 0 ? this.printed : lines;
      emit({ kind: 'evidence', evidence: { ...(exit ? { exit } : {}), lines: printed } });
    }
    if (this.stable || this.judgement.kind === 'failed')
      emit({ kind: 'draining', left: this.judgement.kind === 'good' ? 2 : 1 });
    if (this.judgement.kind === 'good')
      this.stable = { release, ...(revision ? { revision } : {}), since: this.now };
    const endedAt = this.now;
    const record = makeRecord({
      id,
      kind,
      by,
      release,
      artifact,
      ...(revision ? { revision } : {}),
      ...(signedBy ? { signedBy } : {}),
      ...(replaces ? { replaces } : {}),
      startedAt,
      endedAt,
      verdict: this.judgement,
      traffic,
    });
    this.records.push(record);
    emit({ kind: 'ended', record });
    return { kind: 'ended', record };
  }
}
