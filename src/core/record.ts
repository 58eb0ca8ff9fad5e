import { z } from 'zod';
import { UserError } from './errors.ts';
import { shortId } from './release.ts';
import { trafficTotalSchema } from './traffic.ts';
import { type Evidence, judgementSchema } from './verdict.ts';

export const recordSchema = z.object({
  schemaVersion: z.literal(1),
  /** The rollout's id. */
  id: z.string(),
  kind: z.enum(['deploy', 'rollback']),
  release: z.string(),
  artifact: z.string(),
  /** The index digest, where its replicas were made from an image. */
  image: z.string().optional(),
  /** The trusted keys that had signed the image when it was rolled out, by the first 12 letters of their ids. */
  signedBy: z.array(z.string()).optional(),
  replaces: z.string().optional(),
  by: z.string(),
  revision: z.string().optional(),
  startedAt: z.number(),
  endedAt: z.number(),
  verdict: judgementSchema,
  traffic: trafficTotalSchema,
  /** What befell it that was no act of its own: the first ones. */
  disturbances: z.array(z.string()).optional(),
});
/** What one rollout did, kept with the environment; smaller than 1 kB. */
export type RolloutRecord = Readonly<z.infer<typeof recordSchema>>;

/**
 * Cuts what grows without bound, so that a record stays small; the whole is in the replica's log. What room the rest
 * leaves goes to the verdict: to its one line first, then to how the replica ended and what it printed last; and then to
 * what disturbed the rollout.
 */
export function makeRecord(record: Omit<RolloutRecord, 'schemaVersion'>): RolloutRecord {
  const { by, revision, verdict, signedBy, disturbances } = record;
  const small: RolloutRecord = {
    schemaVersion: 1,
    ...record,
    ...(signedBy === undefined ? {} : { signedBy: signedBy.slice(0, most.signers) }),
    by: cut(by, most.by),
    ...(revision === undefined ? {} : { revision: cut(revision, most.revision) }),
    verdict: fill(verdict, 0),
    ...(disturbances === undefined ? {} : { disturbances: cutFirst(disturbances, least.disturbances) }),
  };
  const judged = { ...small, verdict: fill(verdict, most.record - bytesOf(small)) };
  if (disturbances === undefined) return judged;
  const room = most.record - bytesOf({ ...judged, disturbances: [] });
  return { ...judged, disturbances: cutFirst(disturbances, room) };
}

/** In bytes of JSON, but for the number of signers. */
const most = { record: 999, by: 28, revision: 52, signers: 2, disturbance: 90 };
/** What a long message leaves to the evidence. */
const least = { exit: 26, lines: 96, disturbances: 64 };

/** The verdict in so many bytes beyond those that it takes without any text. */
function fill(verdict: RolloutRecord['verdict'], bytes: number): RolloutRecord['verdict'] {
  if (verdict.kind === 'good') return verdict;
  const { evidence, ...rest } = verdict;
  if (!evidence) return { ...rest, message: cut(rest.message, bytes) };
  const { exit } = evidence;
  const lines = evidence.lines.filter((line) => line.trim() !== '');
  const forLines = Math.min(least.lines, sum(lines.map(sizeAsLine)));
  const forExit = Math.min(least.exit, sizeOf(exit ?? ''));
  const message = cut(rest.message, bytes - forExit - forLines);
  const left = bytes - sizeOf(message);
  const end = cut(exit ?? '', left - forLines);
  return {
    ...rest,
    message,
    evidence: { ...(exit === undefined ? {} : { exit: end }), lines: cutLines(lines, left - sizeOf(end)) },
  };
}

/** What a replica printed can be of any length, and is stored with what shall be: a cluster refuses more than 1 MiB. */
export function boundEvidence({ exit, lines }: Evidence): Evidence {
  const shown = lines.map((line) => cut(line, mostStored.line));
  return {
    ...(exit === undefined ? {} : { exit: cut(exit, mostStored.line) }),
    lines: cutLines(shown, mostStored.lines),
  };
}

/** In bytes of JSON. */
const mostStored = { line: 4 * 1024, lines: 64 * 1024 };

/** The last lines that fit, and of a longer one its beginning. */
function cutLines(lines: readonly string[], bytes: number): string[] {
  const kept: string[] = [];
  let room = bytes;
  for (const line of lines.toReversed()) {
    if (sizeAsLine(line) > room && (kept.length > 0 || room < fewest)) break;
    const shown = cut(line, room - sizeAsLine(''));
    kept.unshift(shown);
    room -= sizeAsLine(shown);
  }
  return kept;
}

/** The first lines that fit; how many more there were stands in the last. */
function cutFirst(lines: readonly string[], bytes: number): string[] {
  const kept: string[] = [];
  let room = bytes - sizeAsLine('and 999 more');
  for (const line of lines) {
    const shown = cut(line, most.disturbance);
    if (sizeAsLine(shown) > room) return [...kept, `and ${lines.length - kept.length} more`];
    kept.push(shown);
    room -= sizeAsLine(shown);
  }
  return kept;
}

/** In fewer bytes nothing of a line can be told. */
const fewest = 12;

/** At the end of a word, where there is one near. */
function cut(text: string, bytes: number): string {
  if (sizeOf(text) <= bytes) return text;
  if (bytes < sizeOf('…')) return '';
  let shown = '';
  let room = bytes - sizeOf('…');
  for (const character of text) {
    room -= sizeOf(character);
    if (room < 0) break;
    shown += character;
  }
  const end = text[shown.length] === ' ' ? shown.length : shown.lastIndexOf(' ');
  return `${end > shown.length / 2 ? shown.slice(0, end) : shown}…`;
}

/** In a list of lines, with its quotes and its comma. */
function sizeAsLine(line: string): number {
  return sizeOf(line) + `"",`.length;
}

/** How many bytes a text takes in JSON. */
function sizeOf(text: string): number {
  return bytesOf(text) - `""`.length;
}

function bytesOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0);
}

/** The release that a plain `rollback` returns to: the good one that served before the one that serves now. */
export function lastGoodBefore(
  records: readonly RolloutRecord[],
  stable: string | undefined,
  environment: string,
): string {
  const served = whatServed(records);
  const here = stable === undefined ? -1 : served.lastIndexOf(stable);
  const found = (here === -1 ? served : served.slice(0, here)).at(-1);
  if (found !== undefined) return found;
  throw new UserError({
    code: 'nothing_to_roll_back',
    message: stable
      ? `no good release ran here before ${shortId(stable)}`
      : 'no release was ever found good here',
    hint: `causeway releases ${environment} lists those that --to can return to`,
  });
}

/** The good releases one after the other, without those that were rolled back from: there is no way back to them unasked. */
function whatServed(records: readonly RolloutRecord[]): readonly string[] {
  const served: string[] = [];
  for (const { kind, release, verdict } of records) {
    if (verdict.kind !== 'good' || served.at(-1) === release) continue;
    const earlier = kind === 'rollback' ? served.lastIndexOf(release) : -1;
    if (earlier === -1) served.push(release);
    else served.length = earlier + 1;
  }
  return served;
}

/** The release that `--to` names, by the start of its id; it must have been found good here. */
export function findGood(records: readonly RolloutRecord[], named: string, environment: string): string {
  const fitting = new Set(
    records.map(({ release }) => release).filter((release) => release.startsWith(named)),
  );
  const [release, ...others] = fitting;
  const hint = `causeway releases ${environment} lists the releases you can return to`;
  if (release === undefined || named === '') {
    throw new UserError({
      code: 'release_not_found',
      message: `${environment} never ran release ${named || "''"}`,
      hint,
    });
  }
  if (others.length > 0) {
    const names = [...fitting].map((id) => id.slice(0, named.length + 7)).join(', ');
    throw new UserError({
      code: 'release_not_found',
      message: `${named} fits ${fitting.size} releases of ${environment}: ${names}`,
      hint: 'write more of the id',
    });
  }
  if (!records.some((record) => record.release === release && record.verdict.kind === 'good')) {
    throw new UserError({
      code: 'release_not_good',
      message: `release ${shortId(release)} ran on ${environment} but was never found good`,
      hint,
    });
  }
  return release;
}

/** Refuses a release whose image was signed, when it was rolled out, by no key that is trusted now. */
export function refuseUntrusted(
  records: readonly RolloutRecord[],
  release: string,
  trusted: readonly string[],
): void {
  const signers = records.findLast((record) => record.release === release && record.signedBy)?.signedBy ?? [];
  if (signers.some((signer) => trusted.includes(signer))) return;
  const id = shortId(release);
  throw new UserError({
    code: 'image_unverified',
    message:
      signers.length === 0
        ? `release ${id} was not signed when it was rolled out`
        : `release ${id} was signed by ${signers.join(' and ')}, which image.trust does not name any more`,
    hint: 'causeway releases lists the others; or deploy an image that a trusted key has signed, with --image',
  });
}

/** The releases that were found good, latest first, each once. */
export function goodReleases(records: readonly RolloutRecord[]): readonly string[] {
  return [
    ...new Set(
      records
        .filter(({ verdict }) => verdict.kind === 'good')
        .map(({ release }) => release)
        .reverse(),
    ),
  ];
}
