import type { INamespace } from 'kubernetes-models/v1';
import { UserError } from '../core/errors.ts';
import type { KubernetesObject } from './api/kinds.ts';
import { fieldManager, labels, ownLabels, type Place } from './manifests/names.ts';

/** Whose an object is: ours, of the environment that it is looked at for; nobody's; or whose, in words. */
export type Owner = 'ours' | 'nobody' | { readonly other: string };

/** By its labels; where somebody took those away, by who wrote its fields. */
export function ownerOf(object: KubernetesObject, place: Place): Owner {
  const found = object.metadata?.labels ?? {};
  const manager = found[labels.managedBy];
  if (manager === undefined) return isWrittenByUs(object) ? 'ours' : 'nobody';
  if (manager !== 'causeway') return { other: manager };
  const isOurs = Object.entries(ownLabels(place)).every(([label, value]) => found[label] === value);
  if (isOurs) return 'ours';
  return { other: `project ${found[labels.name]}, environment ${found[labels.environment]}` };
}

function isWrittenByUs({ metadata }: KubernetesObject): boolean {
  const { managedFields = [] } = (metadata ?? {}) as {
    readonly managedFields?: readonly { readonly manager?: string; readonly operation?: string }[];
  };
  return managedFields.some(({ manager, operation }) => manager === fieldManager && operation === 'Apply');
}

export function isTerminating({ metadata, status }: INamespace): boolean {
  return metadata?.deletionTimestamp !== undefined || status?.phase === 'Terminating';
}

/** Throws `namespace_taken` where a namespace is on its way out, or somebody else's. */
export function refuseTakenNamespace(namespace: INamespace, place: Place): void {
  const problem = whyNotUsable(namespace, place);
  if (problem) throw new UserError({ code: 'namespace_taken', ...problem });
}

/** Why an environment cannot be in a namespace. */
export function whyNotUsable(
  namespace: INamespace,
  place: Place,
): { readonly message: string; readonly hint: string } | undefined {
  const { environment, namespace: name } = place;
  const another = `name another in environments.${environment}.namespace`;
  if (isTerminating(namespace)) {
    return {
      message: `namespace ${name} is being deleted${whatItWaitsFor(namespace)}`,
      hint: `wait until it is gone (kubectl get namespace ${name}), or ${another}`,
    };
  }
  const owner = ownerOf(namespace, place);
  if (typeof owner === 'string') return undefined;
  return { message: `namespace ${name} belongs to ${owner.other}`, hint: another };
}

function whatItWaitsFor({ status }: INamespace): string {
  const waiting = status?.conditions?.filter((condition) => condition.status === 'True') ?? [];
  const messages = waiting.flatMap(({ message }) => (message ? [message] : []));
  return messages.length === 0 ? '' : `: ${messages.join(' ')}`;
}

/** Throws `namespace_taken` where an object by a name that is needed is not ours. */
export function refuseTakenObject(object: KubernetesObject, place: Place): void {
  const owner = ownerOf(object, place);
  if (owner === 'ours') return;
  const { environment, namespace } = place;
  const whose = owner === 'nobody' ? 'was not made by Causeway' : `belongs to ${owner.other}`;
  throw new UserError({
    code: 'namespace_taken',
    message: `${object.kind} ${object.metadata?.name} in namespace ${namespace} ${whose}`,
    hint: `remove it, or give the environment a namespace of its own: environments.${environment}.namespace`,
  });
}
