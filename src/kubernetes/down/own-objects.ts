import type { Api } from '../api/api.ts';
import { type Kind, type KubernetesObject, kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { ownLabels, type Place } from '../manifests/names.ts';
import { orRefusal } from '../preflight/cluster-parts.ts';

/** What is made in a namespace, by us or by what we made. */
const ownKinds: readonly Kind[] = [
  kinds.deployment,
  kinds.job,
  kinds.replicaSet,
  kinds.pod,
  kinds.autoscaler,
  kinds.ingress,
  kinds.targetGroupBinding,
  kinds.service,
  kinds.networkPolicy,
  kinds.disruptionBudget,
  kinds.roleBinding,
  kinds.role,
  kinds.serviceAccount,
  kinds.secret,
  kinds.configMap,
  kinds.lease,
];

export interface Own {
  readonly kind: Kind;
  readonly name: string;
  readonly uid: string | undefined;
  /** Something else made it, and takes it away. */
  readonly isOwned: boolean;
  readonly finalizers: readonly string[];
  /** Of a pod: how long it may take to end. */
  readonly graceSeconds: number;
}

/** What there is in the namespace with this environment's labels. What may not be listed, as it is not needed, is not there. */
export async function findOwn(api: Api, place: Place, signal: AbortSignal): Promise<readonly Own[]> {
  const found = await Promise.all(
    ownKinds.map(async (kind) => {
      const list = await orRefusal(() => api.list(kind, { labels: ownLabels(place) }, signal));
      return list instanceof ApiRefusal ? [] : list.items.map((object) => toOwn(kind, object));
    }),
  );
  return found.flat();
}

interface Meta {
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly { readonly controller?: boolean }[];
}

export function toOwn(kind: Kind, object: KubernetesObject): Own {
  const {
    name = '',
    uid,
    finalizers = [],
    ownerReferences = [],
  } = (object.metadata ?? {}) as Meta & NonNullable<KubernetesObject['metadata']>;
  const { spec } = object as { readonly spec?: { readonly terminationGracePeriodSeconds?: number } };
  return {
    kind,
    name,
    uid,
    isOwned: ownerReferences.some(({ controller }) => controller === true),
    finalizers,
    graceSeconds: kind.kind === 'Pod' ? (spec?.terminationGracePeriodSeconds ?? 30) : 0,
  };
}

export function isSameObject(a: Own, b: Own): boolean {
  return a.kind.kind === b.kind.kind && a.name === b.name;
}

/** `Service/shop`; with what keeps it from going. */
function showOwn({ kind, name, finalizers }: Own): string {
  const held = finalizers.length === 0 ? '' : `, which waits for ${finalizers.join(', ')}`;
  return `${kind.kind}/${name}${held}`;
}

/** The receipt's lines: one for each kind, and one for each object that is left. */
export function itemsOf(
  before: readonly Own[],
  left: readonly Own[],
): readonly { readonly what: string; readonly isGone: boolean }[] {
  const gone = before.filter((own) => !left.some((other) => isSameObject(own, other)));
  const byKind = Map.groupBy(gone, ({ kind }) => kind.kind);
  return [
    ...[...byKind].map(([kind, [first, ...others]]) => ({
      what: others.length === 0 ? `${kind}/${first?.name}` : `${others.length + 1} ${pluralOf(kind)}`,
      isGone: true,
    })),
    ...left.map((own) => ({ what: showOwn(own), isGone: false })),
  ];
}

function pluralOf(kind: string): string {
  return kind.endsWith('y') ? `${kind.slice(0, -1)}ies` : kind.endsWith('s') ? `${kind}es` : `${kind}s`;
}
