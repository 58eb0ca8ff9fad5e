import type { IConfigMap } from 'kubernetes-models/v1';
import type { Api } from '../api/api.ts';
import type { KubernetesObject } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { type Component, labels, ownLabels, type Place } from '../manifests/names.ts';

export interface StoreOptions {
  readonly api: Api;
  readonly place: Place;
}

export type Keeps = 'state' | 'history' | 'release' | 'settings';

/** The labels of what the store keeps, by which it is found again. */
export function keptLabels(place: Place, keeps: Keeps): Readonly<Record<string, string>> {
  return {
    ...ownLabels(place),
    [labels.component]: 'state' satisfies Component,
    [labels.keeps]: keeps,
  };
}

export function keptMap(
  place: Place,
  keeps: Keeps,
  name: string,
  data: Readonly<Record<string, string>>,
): IConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: place.namespace, labels: keptLabels(place, keeps) },
    data,
  };
}

/** Creates it where it is not; false: something of that name is there already. */
export async function createIfMissing(
  api: Api,
  object: KubernetesObject,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await api.create(object, { signal });
    return true;
  } catch (error) {
    if (isRefused(error, 'AlreadyExists')) return false;
    throw error;
  }
}

export function isRefused(error: unknown, ...reasons: readonly string[]): error is ApiRefusal {
  return error instanceof ApiRefusal && reasons.includes(error.reason);
}

/** What does not have the shape of JSON is told as undefined. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
