import { z } from 'zod';
import { quantileBounds } from './latency.ts';
import { type Answers, errorShare } from './traffic.ts';

/** Why a rollout failed. docs/errors.md lists them; a target says which of them it has seen. */
export const causes = {
  crashed: 'a replica ended with an error, before or after it was ready',
  exited: 'a replica ended by itself, without an error',
  'not-listening': 'nothing listens on the port that the service was given',
  'never-ready': 'the readiness path did not answer 200–399 before the deadline',
  'declared-path': 'a declared path did not answer 200–399 when a replica started',
  errors: 'too large a share of the requests failed, and more than of the stable release',
  slow: 'answers took clearly longer than those of the stable release',
  hung: 'a replica stopped answering, its liveness path or our requests',
  image: 'the image is missing, or a node may not pull it',
  config: 'a replica cannot be made as the release describes it',
  'out-of-memory': 'a replica took more memory than it may',
  refused: 'the cluster refused to make a replica: a policy, a quota or a webhook',
  unschedulable: 'no node had room for a replica before the deadline',
  command: 'the release command failed, and nothing was switched',
  'command-unknown': 'the release command was begun, and its end is not known',
  environment: 'the stable release fails in the same way: the environment is at fault, not the release',
  interrupted: 'the rollout was cut off or given up before a verdict',
} as const;
export type Cause = keyof typeof causes;

export const evidenceSchema = z.strictObject({
  /** How the replica ended: `exit code 1`, `signal SIGKILL`. */
  exit: z.string().optional(),
  /** The last lines that it printed. */
  lines: z.array(z.string()),
});
/** What was seen of a bad release, kept before anything is undone. */
export type Evidence = Readonly<z.infer<typeof evidenceSchema>>;

export const judgementSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('good') }),
  z.strictObject({
    kind: z.literal('failed'),
    cause: z.enum(Object.keys(causes) as [Cause, ...Cause[]]),
    /** One line in plain words: `exit code 1 after 34 ms`. */
    message: z.string(),
    evidence: evidenceSchema.optional(),
  }),
]);
/** A judgement that is stored and acted on. */
export type Judgement = Readonly<z.infer<typeof judgementSchema>>;
export type Failure = Extract<Judgement, { kind: 'failed' }>;

/** How a rollout ended. Unknown: the environment did not answer, nothing was undone, and the next command goes on. */
export type Verdict = Judgement | { readonly kind: 'unknown'; readonly message: string };

export function failed(cause: Cause, message: string): Failure {
  return { kind: 'failed', cause, message };
}

/** What a release may do and still be good. */
export interface Allowance {
  /** The share of failed requests that is still good, 0 to 1. */
  readonly errorShare: number;
  /** How many times as long as the stable release's its answers may take. */
  readonly slowdown: number;
}

/** Fewer failed requests than this say nothing. */
const errorFloor = 3;
/** How sure the least share is, in standard deviations. */
const sureness = 3;
/** A difference in latency below this is nobody's concern. */
const slowFloorMs = 25;

/**
 * Judges the errors of the candidate beside the stable release, at any moment of the watch. It is asked again
 * and again, so it goes by the least that the share can be: three errors in a row of a good release are chance.
 */
export function judgeErrors(candidate: Answers, stable: Answers, allowance: Allowance): Failure | undefined {
  return judgeShare(leastErrorShare(candidate), candidate, stable, allowance);
}

/** Judges what only a whole watch can show: the share as it is, latency, and errors that the stable release makes as well. */
export function judgeWatch(candidate: Answers, stable: Answers, allowance: Allowance): Failure | undefined {
  const share = errorShare(candidate);
  const failure = judgeShare(share, candidate, stable, allowance);
  if (failure) return failure;
  if (isBeyond(share, candidate, allowance) && share > errorShare(stable) / 2) {
    return failed('environment', describeErrors(candidate, stable));
  }
  return judgeLatency(candidate, stable, allowance);
}

/** Judges a start that failed by what the stable release answered meanwhile: where that fails too, so does the environment. */
export function judgeStart(failure: Failure, stable: Answers): Failure {
  const isOfAnswers = failure.cause === 'never-ready' || failure.cause === 'declared-path';
  if (!isOfAnswers || stable.errors < errorFloor || errorShare(stable) < 1 / 2) return failure;
  return failed('environment', `${failure.message}; of the stable release ${describeShare(stable)} failed`);
}

function judgeShare(
  share: number,
  candidate: Answers,
  stable: Answers,
  allowance: Allowance,
): Failure | undefined {
  if (!isBeyond(share, candidate, allowance)) return undefined;
  if (share <= 2 * errorShare(stable) + 0.01) return undefined;
  return hasStopped(candidate)
    ? failed('hung', describeLate(candidate))
    : failed('errors', describeErrors(candidate, stable));
}

function isBeyond(share: number, { errors }: Answers, allowance: Allowance): boolean {
  return errors >= errorFloor && share > allowance.errorShare;
}

/** The lower end of Wilson's score interval, which holds for few requests too. */
function leastErrorShare(answers: Answers): number {
  const share = errorShare(answers);
  if (share === 0) return 0;
  const weight = sureness ** 2 / (answers.ok + answers.errors);
  const spread = Math.sqrt(weight * (share * (1 - share) + weight / 4));
  return (share + weight / 2 - spread) / (1 + weight);
}

/** Slow is what is slower beyond chance: the least that the candidate's latency can be, over the most of the stable's. */
function judgeLatency(candidate: Answers, stable: Answers, { slowdown }: Allowance): Failure | undefined {
  for (const quantile of [0.5, 0.95]) {
    const slower = quantileBounds(candidate.latencyBuckets, quantile);
    const usual = quantileBounds(stable.latencyAtMost, quantile);
    if (!slower || !usual) continue;
    if (slower.lowMs > usual.highMs * slowdown && slower.lowMs > usual.highMs + slowFloorMs) {
      const name = quantile === 0.5 ? 'half of the answers' : 'the slowest 5 % of the answers';
      return failed(
        'slow',
        `${name} took ${Math.floor(slower.lowMs)} ms or more, the stable release's ${Math.ceil(usual.highMs)} ms at most`,
      );
    }
  }
  return undefined;
}

/** Whether most of its errors are answers that never came. */
function hasStopped({ errors, late }: Answers): boolean {
  return late * 2 >= errors;
}

function describeLate({ ok, errors, late }: Answers): string {
  return `${late} of ${ok + errors} requests got no answer in time`;
}

function describeErrors(candidate: Answers, stable: Answers): string {
  const beside = stable.ok + stable.errors > 0 ? `, of the stable release ${describeShare(stable)}` : '';
  return `${describeShare(candidate)} failed${describeFaults(candidate)}${beside}`;
}

const mostFaults = 3;

/** ` (31 answers of 500 to /, 2 of 503 to /orders)`. */
function describeFaults({ errors, faults = [] }: Answers): string {
  const named = faults.slice(0, mostFaults);
  if (named.length === 0) return '';
  const words = named.map(({ path, status, count }, index) => {
    const what = index > 0 ? '' : count === 1 ? 'answer ' : 'answers ';
    return `${count} ${what}of ${status}${path === undefined ? '' : ` to ${cutPath(path)}`}`;
  });
  const isAll = named.reduce((sum, { count }) => sum + count, 0) >= errors;
  return ` (${isAll ? '' : 'among them '}${words.join(', ')})`;
}

const longestPath = 60;

function cutPath(path: string): string {
  return path.length > longestPath ? `${path.slice(0, longestPath)}…` : path;
}

function describeShare({ ok, errors }: Answers): string {
  return `${errors} of ${ok + errors} requests`;
}
