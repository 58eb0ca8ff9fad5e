import { randomBytes } from 'node:crypto';
import type { ISecret } from 'kubernetes-models/v1';
import { redactor } from '../../core/redact.ts';
import { canonicalJson } from '../../core/release.ts';
import { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { type Component, labels, namesOf, ownLabels, type Place } from '../manifests/names.ts';
import type { StoreOptions } from './owned.ts';
import type { SecretsOptions } from './store.ts';

type Secrets = Readonly<Record<string, string>>;

/** The labels by which an environment's secret sets are found again. */
export function secretLabels(place: Place): Readonly<Record<string, string>> {
  return { ...ownLabels(place), [labels.component]: 'state' satisfies Component };
}

/** See `Store.readSecrets`. */
export async function readSecrets(
  { api, place }: StoreOptions,
  set: string,
  signal: AbortSignal,
): Promise<Secrets | undefined> {
  const kept = await api.get(kinds.secret, namesOf(place).secrets(set), signal);
  if (!kept) return undefined;
  const entries = Object.entries(kept.data ?? {});
  return Object.fromEntries(entries.map(([name, value]) => [name, Buffer.from(value, 'base64').toString()]));
}

/** See `Store.storeSecrets`. */
export async function storeSecrets(
  options: StoreOptions,
  values: Secrets,
  { inUse, isFresh }: SecretsOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!isFresh) {
    const content = canonicalJson(values);
    for (const set of new Set(inUse)) {
      const held = set === undefined ? undefined : await readSecrets(options, set, signal);
      if (held && canonicalJson(held) === content) return set;
    }
    if (Object.keys(values).length === 0) return undefined;
  }
  const set = randomBytes(6).toString('hex');
  await options.api
    .create(secretOf(options.place, set, values), { signal })
    .catch((error: unknown) => Promise.reject(withoutValues(error, values)));
  return set;
}

function secretOf(place: Place, set: string, values: Secrets): ISecret {
  const data = Object.entries(values).map(([name, value]) => [name, toBase64(value)]);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: namesOf(place).secrets(set),
      namespace: place.namespace,
      labels: { ...secretLabels(place), [labels.secretSet]: set },
    },
    type: 'Opaque',
    immutable: true,
    data: Object.fromEntries(data),
  };
}

/** A webhook that refuses a Secret may say what is in it. */
function withoutValues(error: unknown, values: Secrets): unknown {
  if (!(error instanceof ApiRefusal)) return error;
  const redact = redactor(Object.values(values), { shortest: 1 });
  const { status, reason, message, hint } = error;
  return new ApiRefusal({ status, reason, message: redact(message), hint });
}

function toBase64(value: string): string {
  return Buffer.from(value).toString('base64');
}
