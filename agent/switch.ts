import { wordsOf } from '../src/core/words-of.ts';

/** What the switch sees of the environment. */
export interface Look {
  /** Another one whenever whoever drives the rollout has given a sign of life. */
  readonly beat: string;
  /** The rollout that the agent is there for is what is desired. */
  readonly isUnderWay: boolean;
}

export interface SwitchOptions {
  /** Throws where the API does not answer. */
  readonly look: (signal: AbortSignal) => Promise<Look>;
  /** Ends the rollout; throws where somebody else drives it again. */
  readonly takeOut: (signal: AbortSignal) => Promise<unknown>;
  /** How long without a sign of life. */
  readonly staleMs: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** How long from one look to the next. Default: two seconds. */
  readonly everyMs?: number;
  /** A clock that nobody sets. */
  readonly now?: () => number;
  readonly sleep?: (ms: number) => Promise<unknown>;
}

/**
 * The dead man's switch: takes the rollout out when whoever drives it has given no sign of life for `staleMs`, measured
 * on this clock alone. While the API is away nobody can give one, so that counts for nothing. Returns when the rollout
 * is over.
 */
export async function watchOver({
  look,
  takeOut,
  staleMs,
  say,
  signal,
  everyMs = Math.min(2_000, staleMs / 5),
  now = () => performance.now(),
  sleep = Bun.sleep,
}: SwitchOptions): Promise<void> {
  let last: { readonly beat: string; readonly since: number } | undefined;
  let lookedAt = now();
  for (; !signal.aborted; await sleep(everyMs)) {
    const seen = await look(signal).catch((error: unknown) => {
      say(`nothing is known of the rollout: ${wordsOf(error)}`);
      return undefined;
    });
    const at = now();
    // Whoever was stopped for a while, as this one was, is given the whole time again.
    const hasGap = at - lookedAt > Math.max(3 * everyMs, staleMs / 2);
    lookedAt = at;
    if (!seen) {
      last = undefined;
      continue;
    }
    if (!seen.isUnderWay) return;
    if (last === undefined || hasGap || last.beat !== seen.beat) last = { beat: seen.beat, since: at };
    if (at - last.since < staleMs) continue;
    say(`no sign of life for ${Math.round((at - last.since) / 1000)} s: taking the rollout out`);
    await takeOut(signal).catch((error: unknown) => say(`it could not be taken out: ${wordsOf(error)}`));
    last = undefined;
    lookedAt = now();
  }
}
