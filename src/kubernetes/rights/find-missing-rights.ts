import type {
  ISelfSubjectAccessReview,
  ISelfSubjectRulesReview,
} from 'kubernetes-models/authorization.k8s.io/v1';
import type { Finding } from '../../core/target.ts';
import type { Api } from '../api/api.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { nameOf, type Right, type Verb } from './rights.ts';

export interface FindRightsOptions {
  readonly api: Api;
  readonly namespace: string;
  readonly rights: readonly Right[];
  readonly signal: AbortSignal;
}

/**
 * What of the rights the user has not; nothing is changed. One request where all is there: what the cluster's list of
 * the user's rules does not name, it is asked for one by one, as an authorizer need not be able to list.
 */
export async function findMissingRights(options: FindRightsOptions): Promise<readonly Right[]> {
  const { rights } = options;
  const rules = await listRules(options);
  const checked = await Promise.all(
    rights.map(async (right) => {
      const open = right.verbs.filter((verb) => !rules.some((rule) => allows(rule, right, verb)));
      const answers = await Promise.all(open.map((verb) => mayDo({ ...options, ...right, verb })));
      return { ...right, verbs: open.filter((_verb, index) => !answers[index]) };
    }),
  );
  return checked.filter(({ verbs }) => verbs.length > 0);
}

interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[] | undefined;
  readonly resources?: readonly string[] | undefined;
  readonly resourceNames?: readonly string[] | undefined;
}

async function listRules({ api, namespace, signal }: FindRightsOptions): Promise<readonly Rule[]> {
  const review: ISelfSubjectRulesReview = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace },
  };
  try {
    const { status } = await api.create(review, { signal });
    return status?.resourceRules ?? [];
  } catch (error) {
    if (error instanceof ApiRefusal) return [];
    throw error;
  }
}

function allows(rule: Rule, { group, resource }: Right, verb: Verb): boolean {
  const { verbs, apiGroups = [], resources = [], resourceNames = [] } = rule;
  const part = resource.split('/')[1];
  const has = (list: readonly string[], name: string) => list.includes(name) || list.includes('*');
  return (
    resourceNames.length === 0 &&
    has(verbs, verb) &&
    has(apiGroups, group) &&
    (has(resources, resource) || (part !== undefined && resources.includes(`*/${part}`)))
  );
}

export interface Deed {
  readonly api: Api;
  readonly group: string;
  readonly resource: string;
  readonly verb: Verb;
  /** None: in the whole cluster. */
  readonly namespace?: string;
  readonly signal: AbortSignal;
}

/** Whether the user may; where the cluster does not say, it is to be found out by doing it. */
export async function mayDo({ api, group, resource, verb, namespace, signal }: Deed): Promise<boolean> {
  const [name = '', subresource] = resource.split('/');
  const review: ISelfSubjectAccessReview = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: {
      resourceAttributes: {
        group,
        resource: name,
        verb,
        ...(namespace === undefined ? {} : { namespace }),
        ...(subresource === undefined ? {} : { subresource }),
      },
    },
  };
  try {
    const { status } = await api.create(review, { signal });
    return status?.allowed !== false;
  } catch (error) {
    if (error instanceof ApiRefusal) return true;
    throw error;
  }
}

/** Why the cluster does not say what the user may do; then nothing is known to be missing, and nothing to be there. */
export async function whyUntold({
  api,
  namespace,
  signal,
}: Pick<Deed, 'api' | 'namespace' | 'signal'>): Promise<string | undefined> {
  const spec = {
    resourceAttributes: { resource: 'pods', verb: 'list', ...(namespace ? { namespace } : {}) },
  };
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec } as const;
  try {
    const { status } = await api.create<ISelfSubjectAccessReview>(review, { signal });
    return status ? undefined : 'the cluster does not tell';
  } catch (error) {
    if (error instanceof ApiRefusal) return error.message;
    throw error;
  }
}

/** The one right that is missing, and the line of a Role that gives it. */
export function missingRightFinding({ group, resource, verbs }: Right, namespace: string): Finding {
  const rule = `{ apiGroups: ["${group}"], resources: ["${resource}"], verbs: [${verbs.map((verb) => `"${verb}"`).join(', ')}] }`;
  return {
    isProblem: true,
    message: `you may not ${listed(verbs)} ${nameOf({ group, resource })} in namespace ${namespace}`,
    hint: `an administrator adds ${rule} to your Role in ${namespace}; docs/kubernetes-rights.md has it whole`,
  };
}

function listed(verbs: readonly string[]): string {
  return verbs.length < 2 ? verbs.join('') : `${verbs.slice(0, -1).join(', ')} or ${verbs.at(-1)}`;
}
