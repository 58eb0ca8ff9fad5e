import type { Environment, LogLine } from '../core/environment.ts';
import type { RolloutRecord } from '../core/record.ts';
import type { Board } from './board.ts';

const shownLines = 12;

/**
 * Tells what was seen of a bad release: how it ended and what it printed last. The log has more of that than
 * the record, which is small.
 */
export async function tellEvidence(
  board: Board,
  environment: Environment,
  { release, startedAt, verdict }: RolloutRecord,
  signal: AbortSignal,
): Promise<void> {
  if (verdict.kind === 'good' || !verdict.evidence) return;
  const { exit, lines } = verdict.evidence;
  const query = { follow: false, since: startedAt, release, lines: 4 * shownLines };
  const logged = tidy(await collect(environment.logs(query, signal)));
  const shown = logged.length > 0 ? logged : lines;
  board.end({
    label: 'evidence',
    text: exit ?? (shown.length > 0 ? 'it printed last' : 'it printed nothing'),
  });
  for (const text of shown) board.below(text);
}

async function collect(lines: AsyncIterable<LogLine>): Promise<readonly LogLine[]> {
  const collected: LogLine[] = [];
  for await (const line of lines) collected.push(line);
  return collected;
}

/** The last lines of the replica that spoke last, without what says nothing. */
function tidy(lines: readonly LogLine[]): readonly string[] {
  const last = lines.at(-1)?.replica;
  return lines
    .filter(({ replica, text }) => replica === last && text.trim() !== '' && !isSignature(text))
    .slice(-shownLines)
    .map(({ text }) => text);
}

/** Bun signs each crash. */
function isSignature(text: string): boolean {
  return /^Bun v\d+\.\d+\.\d+ \(.*\)$/.test(text);
}
