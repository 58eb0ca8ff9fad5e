import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type RolloutRecord, recordSchema } from '../core/record.ts';
import { makeRelease, type Release, releaseSchema } from '../core/release.ts';
import type { History } from '../core/target.ts';
import { appendDurably, readEndIfThere, readIfThere } from './durable.ts';
import { parseJson } from './json.ts';
import type { Paths } from './paths.ts';

/** The records of an environment: one JSON document a line, oldest first. */
export function openHistory(paths: Pick<Paths, 'history' | 'releases'>): History {
  let read = { version: '', records: [] as readonly RolloutRecord[] };
  const list = () => {
    const version = versionOf(paths.history);
    if (read.version !== version) read = { version, records: readRecords(paths.history) };
    return read.records;
  };
  return {
    async append(record) {
      if (list().some(({ id }) => id === record.id)) return;
      appendDurably(paths.history, JSON.stringify(record));
    },
    async list() {
      return list();
    },
    async release(id) {
      return readRelease(paths, id);
    },
  };
}

/** Changes whenever the file does, so that it is read anew then alone. */
function versionOf(path: string): string {
  const info = statSync(path, { throwIfNoEntry: false, bigint: true });
  return info ? `${info.ino} ${info.size} ${info.mtimeNs}` : 'none';
}

/**
 * Reads the last of what can be read: a line that a crash cut off, or that is damaged, does not hide the others. Of
 * thousands, to read them all takes longer than a command may.
 */
export function readRecords(path: string, most = Number.POSITIVE_INFINITY): readonly RolloutRecord[] {
  for (let bytes = most * recordBytes; ; bytes *= 16) {
    const { text, isWhole } = readEndIfThere(path, bytes) ?? { text: '', isWhole: true };
    const records = parseLast(text, most);
    if (isWhole || records.length === most) return records;
  }
}

/** No record is longer, with the end of its line. */
const recordBytes = 1_000;

function parseLast(text: string, most: number): readonly RolloutRecord[] {
  const latestFirst: RolloutRecord[] = [];
  for (const line of text.split('\n').reverse()) {
    if (latestFirst.length >= most) break;
    const record = recordSchema.safeParse(parseJson(line));
    if (record.success) latestFirst.push(record.data);
  }
  return latestFirst.reverse();
}

export function readRelease({ releases }: Pick<Paths, 'releases'>, id: string): Release | undefined {
  const release = releaseSchema.safeParse(parseJson(readIfThere(join(releases, `${id}.json`)) ?? ''));
  if (!release.success) return undefined;
  const { id: _, ...parts } = release.data;
  // A bit that flipped on the disk may leave JSON of the right shape.
  return makeRelease(parts).id === id ? release.data : undefined;
}
