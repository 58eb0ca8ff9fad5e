import type { IConfigMap } from 'kubernetes-models/v1';
import { goodReleases, type RolloutRecord, recordSchema } from '../../core/record.ts';
import { kinds } from '../api/kinds.ts';
import { namesOf } from '../manifests/names.ts';
import { createIfMissing, isRefused, keptLabels, keptMap, parseJson, type StoreOptions } from './owned.ts';
import type { StoredState } from './store.ts';

/** An object holds 1 MiB; a patch of one is sent, stored and listed whole. */
const segmentBytes = 256 * 1024;

/** Makes the first segment where there is none, so that from then on a record is a patch of what is there; the last one's number. */
export async function beginHistory({ api, place }: StoreOptions, signal: AbortSignal): Promise<number> {
  const { items } = await api.list(kinds.configMap, { labels: keptLabels(place, 'history') }, signal);
  const last = Math.max(0, ...items.map(numberOf));
  if (last === 0)
    await createIfMissing(api, keptMap(place, 'history', namesOf(place).history(1), {}), signal);
  return Math.max(1, last);
}

/** See `Store.takeIn`. The first segment is written last: where it is there, all are, or the history has begun. */
export async function takeInRecords(
  options: StoreOptions,
  records: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const { api, place } = options;
  const entries = new Map(records.flatMap(entryOf));
  if (entries.size === 0) return 0;
  if (await api.get(kinds.configMap, namesOf(place).history(1), signal)) return 0;
  const segments = inSegments([...entries]);
  for (const [index, data] of [...segments.entries()].reverse()) {
    const segment = keptMap(place, 'history', namesOf(place).history(index + 1), data);
    // Who else makes the environment at this moment may have begun it.
    if (!(await createIfMissing(api, segment, signal))) await writeTo(options, index + 1, data, signal);
  }
  return entries.size;
}

/** A record's id and its text; none of what has no id that can be a key. */
function entryOf(text: string): readonly (readonly [string, string])[] {
  const { id } = (parseJson(text) ?? {}) as { readonly id?: unknown };
  return typeof id === 'string' && /^[-._a-zA-Z0-9]{1,200}$/.test(id) ? [[id, text]] : [];
}

function inSegments(
  entries: readonly (readonly [string, string])[],
): readonly Readonly<Record<string, string>>[] {
  const segments: Record<string, string>[] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const [id, text] of entries) {
    if (size + text.length > segmentBytes) {
      segments.push({});
      size = 0;
    }
    const segment = segments.at(-1) ?? {};
    segment[keyOf(Object.keys(segment).length, { id })] = text;
    size += text.length;
  }
  return segments;
}

/** Once, by the record's id. Who may not make segments, such as the agent, goes on with the present one. */
export async function appendRecord(
  options: StoreOptions,
  record: RolloutRecord,
  signal: AbortSignal,
): Promise<void> {
  const number = await presentNumber(options, signal);
  const present = await options.api.get(kinds.configMap, namesOf(options.place).history(number), signal);
  const keys = Object.keys(present?.data ?? {});
  if (keys.some((key) => idOf(key) === record.id)) return;
  const text = JSON.stringify(record);
  const isFull = sizeOf(present) + text.length > segmentBytes;
  if (isFull && (await beginSegment(options, number + 1, { [keyOf(0, record)]: text }, signal))) return;
  await writeTo(options, number, { [keyOf(keys.length, record)]: text }, signal);
}

/** All of them, oldest first. What cannot be read does not hide the others. */
export async function listRecords(
  { api, place }: StoreOptions,
  signal: AbortSignal,
): Promise<readonly RolloutRecord[]> {
  const { items } = await api.list(kinds.configMap, { labels: keptLabels(place, 'history') }, signal);
  const ordered = [...items].sort((a, b) => numberOf(a) - numberOf(b));
  return withoutDoubles(ordered.flatMap(recordsOf));
}

/** What was read of segments that others follow: nothing is added to them. */
export type SealedSegments = Map<number, Promise<readonly RolloutRecord[]>>;

export interface HistoryOptions extends StoreOptions {
  readonly sealed: SealedSegments;
}

/** Of the newest records, oldest first, as many segments as it takes until they are enough. */
async function newestUntil(
  options: HistoryOptions,
  { history }: Pick<StoredState, 'history'>,
  isEnough: (records: readonly RolloutRecord[]) => boolean,
  signal: AbortSignal,
): Promise<readonly RolloutRecord[]> {
  let records = await readSegment(options, history, signal);
  let wanted = 1;
  for (let last = history - 1; last >= 1 && !isEnough(records); last -= wanted, wanted *= 2) {
    const first = Math.max(1, last - wanted + 1);
    const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    const before = await Promise.all(numbers.map((number) => readSealed(options, number, signal)));
    records = [...before.flat(), ...records];
  }
  return withoutDoubles(records);
}

function readSealed(
  options: HistoryOptions,
  number: number,
  signal: AbortSignal,
): Promise<readonly RolloutRecord[]> {
  const { sealed } = options;
  const read = () => readSegment(options, number, signal);
  const known = sealed.get(number);
  // Who asked first may have been interrupted.
  if (known) return known.catch(read);
  const reading = read();
  sealed.set(number, reading);
  reading.catch(() => sealed.delete(number));
  return reading;
}

async function readSegment(
  { api, place }: StoreOptions,
  number: number,
  signal: AbortSignal,
): Promise<readonly RolloutRecord[]> {
  const segment = await api.get(kinds.configMap, namesOf(place).history(number), signal);
  return segment ? recordsOf(segment) : [];
}

/** At least so many, and those that tell the revisions of these. */
export function newestRecords(
  options: HistoryOptions,
  state: Pick<StoredState, 'history'>,
  count: number,
  signal: AbortSignal,
): Promise<readonly RolloutRecord[]> {
  const isEnough = (records: readonly RolloutRecord[]) => {
    const told = new Set(
      records.flatMap(({ release, revision }) => (revision === undefined ? [] : [release])),
    );
    return records.length >= count && records.slice(-count).every(({ release }) => told.has(release));
  };
  return newestUntil(options, state, isEnough, signal);
}

/** Enough to say since when the stable release is stable. */
export function latestRecords(
  options: HistoryOptions,
  state: StoredState,
  signal: AbortSignal,
): Promise<readonly RolloutRecord[]> {
  const stable = state.desired.stable?.release.id;
  const isEnough = (records: readonly RolloutRecord[]) =>
    stable === undefined ||
    records.some(({ release, verdict }) => release === stable && verdict.kind === 'good');
  return newestUntil(options, state, isEnough, signal);
}

/** The last good releases, latest first. */
export async function lastGood(
  options: HistoryOptions,
  state: Pick<StoredState, 'history'>,
  most: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const isEnough = (records: readonly RolloutRecord[]) => goodReleases(records).length >= most;
  return goodReleases(await newestUntil(options, state, isEnough, signal)).slice(0, most);
}

/** Records are kept in the order in which they were written: clocks of those who write them may differ. */
function keyOf(index: number, { id }: Pick<RolloutRecord, 'id'>): string {
  return `${String(index).padStart(5, '0')}.${id}`;
}

function idOf(key: string): string {
  return key.slice(key.indexOf('.') + 1);
}

function numberOf({ metadata }: IConfigMap): number {
  return Number(/\d+$/.exec(metadata?.name ?? '')?.[0] ?? 0);
}

function sizeOf(segment: IConfigMap | undefined): number {
  return Object.values(segment?.data ?? {}).reduce((sum, text) => sum + text.length, 0);
}

function recordsOf({ data = {} }: IConfigMap): readonly RolloutRecord[] {
  return Object.keys(data)
    .sort()
    .flatMap((key) => {
      const record = recordSchema.safeParse(parseJson(data[key] ?? ''));
      return record.success ? [record.data] : [];
    });
}

function withoutDoubles(records: readonly RolloutRecord[]): readonly RolloutRecord[] {
  return [...new Map(records.map((record) => [record.id, record])).values()];
}

/** Without a state, such as after somebody deleted it, the first. */
async function presentNumber({ api, place }: StoreOptions, signal: AbortSignal): Promise<number> {
  const state = await api.get(kinds.configMap, namesOf(place).state, signal);
  return Number(state?.data?.history ?? 1);
}

/** False: it may not be made. A crash before the number was moved comes here again. */
async function beginSegment(
  options: StoreOptions,
  number: number,
  data: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<boolean> {
  const { api, place } = options;
  try {
    const segment = keptMap(place, 'history', namesOf(place).history(number), data);
    if (!(await createIfMissing(api, segment, signal))) await writeTo(options, number, data, signal);
    await moveNumber(options, number, signal);
    return true;
  } catch (error) {
    if (isRefused(error, 'Forbidden')) return false;
    throw error;
  }
}

/** Never backwards, whoever else moves it. */
async function moveNumber({ api, place }: StoreOptions, number: number, signal: AbortSignal): Promise<void> {
  const from = String(number - 1);
  const patch = [
    { op: 'test', path: '/data/history', value: from },
    { op: 'replace', path: '/data/history', value: String(number) },
  ] as const;
  try {
    await api.patch(kinds.configMap, namesOf(place).state, patch, { signal });
  } catch (error) {
    if (!isRefused(error, 'Invalid', 'NotFound')) throw error;
  }
}

async function writeTo(
  { api, place }: StoreOptions,
  number: number,
  data: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const name = namesOf(place).history(number);
  try {
    await api.patch(kinds.configMap, name, { data }, { signal });
  } catch (error) {
    if (!isRefused(error, 'NotFound')) throw error;
    await api.create(keptMap(place, 'history', name, data), { signal });
  }
}
