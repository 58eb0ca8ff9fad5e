import type { IDeployment } from 'kubernetes-models/apps/v1';
import { UserError } from '../../core/errors.ts';
import type { Api, JsonPatch } from '../api/api.ts';
import { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { deploymentPatch } from '../manifests/deployment.ts';
import { namesOf, type Place } from '../manifests/names.ts';

export interface WriteDeploymentOptions {
  readonly api: Api;
  readonly place: Place;
  /** Undefined: there shall be none. */
  readonly wanted: IDeployment | undefined;
  /** With how many replicas it begins where an autoscaler says how many there are. */
  readonly firstReplicas: number;
  /** Throws where the lock is no longer held. */
  readonly check: () => Promise<void>;
  readonly signal: AbortSignal;
}

const mostTries = 10;

/**
 * Makes the Deployment what is wanted: our fields, and `spec.template` whole. It is fenced: read, then the lock is
 * checked, then written over exactly what was read. The Deployment that there is then.
 */
export async function writeDeployment(options: WriteDeploymentOptions): Promise<IDeployment | undefined> {
  const { api, place, check, signal } = options;
  const { service } = namesOf(place);
  for (let tries = 1; ; tries += 1) {
    const found = await api.get(kinds.deployment, service, signal);
    await check();
    try {
      return await writeOver(options, found);
    } catch (error) {
      // Somebody wrote between: read again.
      const isRaced = error instanceof ApiRefusal && [404, 409, 422].includes(error.status);
      if (!isRaced || tries >= mostTries || !(await isChanged(options, found))) throw error;
    }
  }
}

async function writeOver(
  { api, place, wanted, firstReplicas, signal }: WriteDeploymentOptions,
  found: IDeployment | undefined,
): Promise<IDeployment | undefined> {
  const { service } = namesOf(place);
  if (!wanted) {
    const { uid } = found?.metadata ?? {};
    if (found) await api.remove(kinds.deployment, service, { signal, ...(uid === undefined ? {} : { uid }) });
    return undefined;
  }
  const replicas = wanted.spec?.replicas ?? firstReplicas;
  if (!found) return api.create({ ...wanted, spec: wanted.spec && { ...wanted.spec, replicas } }, { signal });
  if (found.metadata?.deletionTimestamp !== undefined || !isOurs(wanted, found))
    throw takenError(place, found);
  const isAsleep = wanted.spec?.replicas === undefined && found.spec?.replicas === 0;
  const patch: JsonPatch = [
    { op: 'test', path: '/metadata/uid', value: found.metadata?.uid },
    { op: 'test', path: '/metadata/generation', value: found.metadata?.generation },
    ...deploymentPatch(wanted, found),
    ...(found.spec?.paused ? ([{ op: 'remove', path: '/spec/paused' }] as const) : []),
    // An autoscaler does not act on what was scaled to nothing.
    ...(isAsleep ? ([{ op: 'add', path: '/spec/replicas', value: replicas }] as const) : []),
  ];
  return api.patch(kinds.deployment, service, patch, { signal });
}

async function isChanged({ api, place, signal }: WriteDeploymentOptions, found: IDeployment | undefined) {
  const now = await api.get(kinds.deployment, namesOf(place).service, signal);
  return (
    now?.metadata?.uid !== found?.metadata?.uid || now?.metadata?.generation !== found?.metadata?.generation
  );
}

/** What a Deployment selects cannot be changed: one that selects otherwise was made by another. */
function isOurs(wanted: IDeployment, found: IDeployment): boolean {
  const selected = found.spec?.selector.matchLabels ?? {};
  const own = wanted.spec?.selector.matchLabels ?? {};
  return Object.entries(own).every(([name, value]) => selected[name] === value);
}

function takenError({ namespace, environment }: Place, { metadata }: IDeployment): UserError {
  const name = `Deployment ${namespace}/${metadata?.name}`;
  const isGoing = metadata?.deletionTimestamp !== undefined;
  return new UserError({
    code: 'namespace_taken',
    message: isGoing ? `${name} is being deleted by another` : `${name} was made by another tool`,
    hint: isGoing
      ? `wait until it is gone, then causeway up ${environment}`
      : `remove it, or give ${environment} a namespace of its own: environments.${environment}.namespace`,
  });
}
