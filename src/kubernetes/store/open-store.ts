import {
  appendRecord,
  type HistoryOptions,
  latestRecords,
  listRecords,
  newestRecords,
  takeInRecords,
} from './history.ts';
import type { StoreOptions } from './owned.ts';
import { keepRelease, keptReleases, readLabelled, readRelease, storeRelease } from './releases.ts';
import { readSecrets, storeSecrets } from './secrets.ts';
import { readState, restoreState, writeState } from './state.ts';
import type { Store } from './store.ts';
import { tidy } from './tidy.ts';

/** What an environment keeps in its namespace. */
export function openStore(about: StoreOptions): Store {
  const options: HistoryOptions = { ...about, sealed: new Map() };
  // The history of core has no signal; the API's own deadlines end each of its calls.
  const { signal } = new AbortController();
  return {
    history: {
      append: (record) => appendRecord(options, record, signal),
      list: () => listRecords(options, signal),
      release: async (id) => (await readRelease(options, id, signal))?.release,
    },
    readState: (within) => readState(options, within),
    writeState: (state, within) => writeState(options, state, within),
    restoreState: (state, within) => restoreState(options, state, within),
    takeIn: (records, within) => takeInRecords(options, records, within),
    readLabelled: (label, within) => readLabelled(options, label, within),
    readRelease: (id, within) => readRelease(options, id, within),
    storeRelease: (stored, within) => storeRelease(options, stored, within),
    keepRelease: (id, otherwise, within) => keepRelease(options, id, otherwise, within),
    keptReleases: (within) => keptReleases(options, within),
    newestRecords: (state, count, within) => newestRecords(options, state, count, within),
    latestRecords: (state, within) => latestRecords(options, state, within),
    readSecrets: (set, within) => readSecrets(options, set, within),
    storeSecrets: (values, about, within) => storeSecrets(options, values, about, within),
    tidy: (desired, within) => tidy(options, desired, within),
  };
}
