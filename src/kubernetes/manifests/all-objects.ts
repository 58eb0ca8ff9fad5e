import { type KubernetesObject, kinds } from '../api/kinds.ts';
import type { ClusterConfig } from '../cluster-config.ts';
import type { StoredRelease } from '../store/stored-release.ts';
import { admissionObjects, admittedOf } from './admission.ts';
import { deploymentOf } from './deployment.ts';
import { disruptionBudgetOf } from './disruption-budget.ts';
import { environmentObjects } from './environment-objects.ts';
import type { Place } from './names.ts';
import { settingsMapOf, templateOf } from './pod-template.ts';

export interface AllObjectsOptions {
  readonly place: Place;
  readonly config: ClusterConfig;
  readonly stored: StoredRelease;
  /** Undefined: there is none yet, and `unset` stands for its name where the release has secrets. */
  readonly secretSet: string | undefined;
  /** Undefined: an autoscaler says. */
  readonly replicas: number | undefined;
}

/** Stands for the name of the secret set where there is none yet. */
const noSecretSet = 'unset';

/**
 * All that serves a release, without Causeway as well, in the order to apply it. Not among it: the Secret, whose values
 * are never rendered, and a namespace that the config names, for that may have other owners.
 */
export function allObjects(options: AllObjectsOptions): readonly KubernetesObject[] {
  const { place, config, stored, replicas } = options;
  const { release, image } = stored;
  const needsSecrets = release.settings.secrets.length > 0;
  const secretSet = options.secretSet ?? (needsSecrets ? noSecretSet : undefined);
  const stable = { release, ...(secretSet === undefined ? {} : { secretSet }) };
  const own = environmentObjects({ place, config });
  const isNamespace = ({ kind }: KubernetesObject) => kind === kinds.namespace.kind;
  return [
    ...(config.namespace === undefined ? own.filter(isNamespace) : []),
    admittedOf(place, [image]),
    ...admissionObjects(place),
    ...own.filter((object) => !isNamespace(object)),
    settingsMapOf(place, stored),
    disruptionBudgetOf({ place, stable }),
    deploymentOf({
      place,
      template: templateOf(stored, secretSet),
      replicas,
      gate: 'open',
      surge: config.surge,
    }),
  ];
}
