import type { Difference } from './difference.ts';
import type { RolloutRecord } from './record.ts';
import type { Rollout } from './rollout.ts';
import type { Finding } from './target.ts';
import type { TrafficTotal } from './traffic.ts';
import type { Evidence, Judgement } from './verdict.ts';

/** What happens in a rollout, told as it happens. The terminal, `--json`, the page and the tests read the same. */
export type RolloutEvent =
  /** What the preflight found that keeps the rollout from nothing, before it begins. */
  | { readonly kind: 'noted'; readonly notes: readonly Finding[] }
  /** Where the release serves already: what differed from it or from the config, and was put right. */
  | { readonly kind: 'mended'; readonly differences: readonly Difference[] }
  | { readonly kind: 'begun'; readonly rollout: Rollout; readonly isResumed: boolean }
  | { readonly kind: 'command'; readonly state: 'begun' | 'done'; readonly command: readonly string[] }
  | {
      readonly kind: 'starting';
      readonly size: 'one' | 'all';
      readonly ready: number;
      readonly wanted: number;
      /** Why those that are not ready are not. */
      readonly waitingFor?: string;
      /** Where stable replicas give way: how many are left. */
      readonly beside?: number;
    }
  | {
      readonly kind: 'watching';
      readonly size: 'one' | 'all';
      readonly elapsedMs: number;
      readonly bakeMs: number;
      readonly traffic: TrafficTotal;
    }
  /** Nobody would take the candidate out if the command that drives the rollout were gone. */
  | { readonly kind: 'unattended'; readonly because: string }
  | { readonly kind: 'unreachable'; readonly cause: string }
  /** It answers again, and others may not have heard of the new replicas: for so long nothing is judged good. */
  | { readonly kind: 'held'; readonly forMs: number }
  /** What is no act of the rollout, and it bears: a replica that somebody deleted, say. */
  | { readonly kind: 'disturbed'; readonly what: string }
  | { readonly kind: 'judged'; readonly judgement: Judgement }
  /** What was seen of a bad release, before it is taken out: more than its record keeps. */
  | { readonly kind: 'evidence'; readonly evidence: Evidence }
  | {
      readonly kind: 'draining';
      readonly left: number;
      /** Where stable replicas had given way to a bad candidate: how many are ready again. */
      readonly stable?: { readonly ready: number; readonly wanted: number; readonly waitingFor?: string };
    }
  | { readonly kind: 'ended'; readonly record: RolloutRecord };

/** Synchronous, and never waits: a stalled reader must not stop the code that takes a bad release back. */
export type Emit = (event: RolloutEvent) => void;
