import { type RolloutRecord, recordSchema } from '../../../src/core/record.ts';
import type { Rolling } from './soak-report.ts';

/** A segment of the history, as it lies in the cluster. */
export interface Segment {
  readonly name: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** What is wrong with what lies in the cluster: a key that is missing, a text that is half of one. */
export function checkSegments(segments: readonly Segment[]): readonly string[] {
  return segments.flatMap(({ name, data = {} }) =>
    Object.keys(data)
      .sort()
      .flatMap((key, index) => {
        const [number = '', ...id] = key.split('.');
        if (Number(number) !== index) return [`${name} has ${key} as its record ${index}`];
        const record = parse(data[key] ?? '');
        if (record?.id !== id.join('.')) return [`${name}: ${key} is no whole record: ${data[key]}`];
        return [];
      }),
  );
}

/**
 * What is wrong with the story that the records tell: each rollout begins after the one before has ended, and replaces
 * what that one left.
 */
export function checkRecords(
  records: readonly RolloutRecord[],
  { stable }: { readonly stable: string | undefined },
): readonly string[] {
  const problems: string[] = [];
  const ids = new Set<string>();
  let before: RolloutRecord | undefined;
  let serves: string | undefined;
  for (const record of records) {
    const { id, startedAt, endedAt, replaces, release, verdict } = record;
    if (ids.has(id)) problems.push(`${id} is recorded twice`);
    ids.add(id);
    if (endedAt < startedAt) problems.push(`${id} ended before it began`);
    if (before && startedAt < before.endedAt) problems.push(`${id} began before ${before.id} had ended`);
    if (replaces !== serves) problems.push(`${id} replaces ${replaces}, and before it ${serves} served`);
    if (verdict.kind === 'good') serves = release;
    before = record;
  }
  if (serves !== stable) problems.push(`by the records ${serves} serves, and ${stable} does`);
  return problems;
}

/** What a command told of its rollout, and the history does not. */
export function checkTold(rounds: readonly Rolling[], records: readonly RolloutRecord[]): readonly string[] {
  const kept = new Map(records.map((record) => [record.id, JSON.stringify(record)]));
  return rounds
    .flatMap(({ attempts }) => attempts.flatMap(({ record }) => (record ? [record] : [])))
    .filter((record) => kept.get(record.id) !== JSON.stringify(record))
    .map(({ id }) => `the history has ${kept.get(id) ?? 'nothing'} of rollout ${id}`);
}

function parse(text: string): RolloutRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
