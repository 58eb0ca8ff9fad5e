import { showMs } from './duration.ts';
import type { Observation } from './target.ts';

/** What befalls a rollout that is no act of its own, and that it bears: each is told once. */
export class Disturbances {
  readonly #told = new Set<string>();
  #away: { readonly since: number; readonly cause: string } | undefined;

  /** All of them, in the order in which they were seen. */
  get all(): readonly string[] {
    return [...this.#told];
  }

  /** Those that are new, but for an environment that did not answer: that is told while it does not. */
  see(seen: Observation, now: number): readonly string[] {
    if (seen.kind === 'unreachable') {
      this.#away ??= { since: now, cause: seen.cause };
      return [];
    }
    if (this.#away) this.add(`no answer for ${showMs(now - this.#away.since)}: ${this.#away.cause}`);
    this.#away = undefined;
    return (seen.disturbances ?? []).filter((what) => this.add(what));
  }

  /** False: it was told before. */
  add(what: string): boolean {
    if (this.#told.has(what)) return false;
    this.#told.add(what);
    return true;
  }
}
