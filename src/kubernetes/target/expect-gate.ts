import type { IPod, IPodTemplateSpec } from 'kubernetes-models/v1';
import { UserError } from '../../core/errors.ts';
import type { Api } from '../api/api.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { namesOf, type Place } from '../manifests/names.ts';
import { orRefusal } from '../preflight/cluster-parts.ts';
import type { Exposure } from '../reach.ts';
import { waitUntil } from '../wait-until.ts';

export interface ExpectGateOptions {
  readonly api: Api;
  readonly place: Place;
  readonly exposure: Pick<Exposure, 'readinessGate'>;
  readonly template: IPodTemplateSpec;
  readonly signal: AbortSignal;
}

/** How long a binding that was just made may take to be known to what gives pods their condition. */
const patienceMs = 30_000;

/**
 * Whether a pod of this template, made now, would wait for the cloud's load balancer before it counts as ready; without
 * that, stable pods would go before requests reach the new ones. Asked by a pod that is tried and not made. Throws
 * `preflight_failed`.
 */
export async function expectGate(options: ExpectGateOptions): Promise<void> {
  const { place, exposure, signal } = options;
  const isGated = await waitUntil(patienceMs, signal, async () =>
    (await gatesOf(options)).some((type) => type.startsWith(exposure.readinessGate)),
  );
  if (isGated) return;
  throw new UserError({
    code: 'preflight_failed',
    message: `new pods would not wait for the load balancer: the cluster gives them no condition ${exposure.readinessGate}…`,
    hint: `causeway up ${place.environment} puts the namespace’s label and the binding right; what serves still serves`,
  });
}

async function gatesOf({
  api,
  place,
  exposure,
  template,
  signal,
}: ExpectGateOptions): Promise<readonly string[]> {
  const { metadata, spec } = template;
  const name = `${namesOf(place).service}-tried`;
  const wanted: IPod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, name, namespace: place.namespace },
    ...(spec ? { spec } : {}),
  };
  const tried = await orRefusal(() => api.create(wanted, { signal, isDryRun: true }));
  // The agent, which only takes out, may make no pods; whoever began the rollout has asked.
  if (tried instanceof ApiRefusal && tried.status === 403) return [exposure.readinessGate];
  if (tried instanceof ApiRefusal) throw tried;
  return (tried.spec?.readinessGates ?? []).map(({ conditionType }) => conditionType);
}
