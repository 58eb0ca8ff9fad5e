import type { IConfigMap } from 'kubernetes-models/v1';
import { UserError } from '../../core/errors.ts';
import { desiredSchema } from '../../core/rollout.ts';
import { kinds } from '../api/kinds.ts';
import { labels, namesOf, type Place } from '../manifests/names.ts';
import { beginHistory } from './history.ts';
import { type Keeps, keptMap, parseJson, type StoreOptions } from './owned.ts';
import type { StoredState } from './store.ts';

const schemaVersion = 1;

/** See `Store.readState`. */
export async function readState(
  { api, place }: StoreOptions,
  signal: AbortSignal,
): Promise<StoredState | undefined> {
  const kept = await api.get(kinds.configMap, namesOf(place).state, signal);
  if (kept) return parseState(place, kept);
  await refuseOthers({ api, place }, signal);
  return undefined;
}

/** See `Store.writeState`. */
export async function writeState(
  { api, place }: StoreOptions,
  state: Omit<StoredState, 'history'>,
  signal: AbortSignal,
): Promise<StoredState> {
  const { desired, token, agentImage, resourceVersion } = state;
  const data = {
    schemaVersion: String(schemaVersion),
    desired: JSON.stringify(desired),
    token: String(token),
  };
  const { state: name } = namesOf(place);
  if (resourceVersion !== undefined) {
    // Of the agent's image, null removes the key.
    const patch = { metadata: { resourceVersion }, data: { ...data, agentImage: agentImage ?? null } };
    return parseState(place, await api.patch(kinds.configMap, name, patch, { signal }));
  }
  await refuseOthers({ api, place }, signal);
  const history = await beginHistory({ api, place }, signal);
  const { project, environment } = place;
  const first = keptMap(place, 'state', name, {
    ...data,
    history: String(history),
    project,
    environment,
    ...(agentImage === undefined ? {} : { agentImage }),
  });
  return parseState(place, await api.create(first, { signal }));
}

/** See `Store.restoreState`. */
export async function restoreState(
  options: StoreOptions,
  state: Omit<StoredState, 'history' | 'resourceVersion'>,
  signal: AbortSignal,
): Promise<StoredState> {
  await options.api.remove(kinds.configMap, namesOf(options.place).state, { signal });
  return writeState(options, state, signal);
}

/** Throws `namespace_taken` or `state_corrupt`. */
function parseState(place: Place, { metadata, data = {} }: IConfigMap): StoredState {
  const name = `ConfigMap ${place.namespace}/${namesOf(place).state}`;
  const { project, environment } = data;
  if (project !== place.project || environment !== place.environment) {
    throw takenError(place, `${name} belongs to ${project ? `${project} ${environment}` : 'another tool'}`);
  }
  const version = Number(data.schemaVersion);
  if (version > schemaVersion) {
    throw new UserError({
      code: 'state_corrupt',
      message: `${name} has schema version ${version}, and this Causeway knows ${schemaVersion}`,
      hint: 'use the Causeway that wrote it, or a newer one',
    });
  }
  const desired = desiredSchema.safeParse(parseJson(data.desired ?? ''));
  const token = Number(data.token);
  const history = Number(data.history);
  if (!desired.success || !Number.isInteger(token) || !isSegment(history)) {
    throw new UserError({
      code: 'state_corrupt',
      message: `${name} does not have the shape it was written in`,
      hint: `see what became of it: kubectl --namespace ${place.namespace} get configmap ${namesOf(place).state} --output yaml; without it, causeway up ${place.environment} takes in what runs`,
    });
  }
  const { agentImage } = data;
  const { resourceVersion } = metadata ?? {};
  return {
    desired: desired.data,
    token,
    history,
    ...(agentImage === undefined ? {} : { agentImage }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

/** More segments than a cluster holds are nobody's, and are not to be read one by one. */
function isSegment(number: number): boolean {
  return Number.isInteger(number) && number >= 1 && number <= 10_000;
}

/** One environment to a namespace: their policies and budgets would be over each other's pods. */
async function refuseOthers({ api, place }: StoreOptions, signal: AbortSignal): Promise<void> {
  const selector = { labels: { [labels.managedBy]: 'causeway', [labels.keeps]: 'state' satisfies Keeps } };
  const { items } = await api.list(kinds.configMap, selector, signal);
  const other = items.find(
    ({ data = {} }) => data.project !== place.project || data.environment !== place.environment,
  );
  if (!other) return;
  const { project, environment } = other.data ?? {};
  throw takenError(place, `namespace ${place.namespace} holds ${environment} of project ${project}`);
}

function takenError({ environment }: Place, message: string): UserError {
  return new UserError({
    code: 'namespace_taken',
    message,
    hint: `give ${environment} a namespace of its own: environments.${environment}.namespace in causeway.config.ts`,
  });
}
