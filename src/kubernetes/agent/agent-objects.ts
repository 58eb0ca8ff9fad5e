import type { IJob } from 'kubernetes-models/batch/v1';
import type { IRole, IRoleBinding } from 'kubernetes-models/rbac.authorization.k8s.io/v1';
import type { IServiceAccount } from 'kubernetes-models/v1';
import type { KubernetesObject } from '../api/kinds.ts';
import { metadataOf, namesOf, type Place } from '../manifests/names.ts';
import { type AgentSetup, setupVariable } from './setup.ts';

export interface AgentObjectsOptions {
  readonly setup: AgentSetup;
  /** By digest. */
  readonly image: string;
  readonly pullSecret?: string | undefined;
  /** The ids of the releases that it may have to put back or take out. */
  readonly releases: readonly string[];
  /** The number of the history's present segment. */
  readonly history: number;
}

export interface AgentObjects {
  /** In the order to apply them. */
  readonly access: readonly KubernetesObject[];
  readonly job: IJob;
}

/** What it is promised, and the most it may take. */
export const agentResources = {
  requests: { cpu: '50m', memory: '96Mi' },
  limits: { memory: '256Mi' },
} as const;

/** What the agent is for one rollout: a Job, and an account that may do what its switch needs and no more. */
export function agentObjects(options: AgentObjectsOptions): AgentObjects {
  const { place } = options.setup;
  return { access: [serviceAccount(place), role(options), roleBinding(place)], job: job(options) };
}

function serviceAccount(place: Place): IServiceAccount {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadataOf(place, 'agent', namesOf(place).agent),
    automountServiceAccountToken: false,
  };
}

/** A name cannot limit `list` and `create`; what is listed is the environment's own namespace. */
function role({ setup: { place, rollout }, releases, history }: AgentObjectsOptions): IRole {
  const names = namesOf(place);
  const configMaps = [names.state, names.history(history), names.admitted, ...releases.map(names.release)];
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: metadataOf(place, 'agent', namesOf(place).agent),
    rules: [
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
      { apiGroups: [''], resources: ['events'], verbs: ['list', 'watch'] },
      { apiGroups: [''], resources: ['services'], resourceNames: [names.service], verbs: ['get'] },
      { apiGroups: ['apps'], resources: ['replicasets'], verbs: ['get', 'list', 'watch'] },
      {
        apiGroups: ['batch'],
        resources: ['jobs'],
        resourceNames: [names.command(rollout)],
        verbs: ['get', 'list', 'watch', 'patch'],
      },
      { apiGroups: [''], resources: ['configmaps'], resourceNames: configMaps, verbs: ['get'] },
      {
        apiGroups: [''],
        resources: ['configmaps'],
        resourceNames: [names.state, names.history(history), names.admitted],
        verbs: ['patch', 'update'],
      },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: [names.state],
        verbs: ['get', 'patch', 'update'],
      },
      {
        apiGroups: ['apps'],
        resources: ['deployments'],
        resourceNames: [names.service],
        verbs: ['get', 'list', 'watch', 'patch', 'update', 'delete'],
      },
      {
        apiGroups: ['policy'],
        resources: ['poddisruptionbudgets'],
        resourceNames: [names.service],
        verbs: ['get', 'patch', 'update', 'delete'],
      },
      {
        apiGroups: ['autoscaling'],
        resources: ['horizontalpodautoscalers'],
        resourceNames: [names.service],
        verbs: ['get'],
      },
    ],
  };
}

function roleBinding(place: Place): IRoleBinding {
  const { agent } = namesOf(place);
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: metadataOf(place, 'agent', namesOf(place).agent),
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: agent },
    subjects: [{ kind: 'ServiceAccount', name: agent, namespace: place.namespace }],
  };
}

/** One that fails comes again as another pod, and what the first one counted stays in its log. */
const mostRestarts = 4;
/** No rollout is watched for longer; the switch ends it long before. */
const longestSeconds = 24 * 60 * 60;
/** By then whoever follows it has read its last line. */
const keptSeconds = 600;
/** As the image says; here it holds on any base. */
const user = 65_532;

function job({ setup, image, pullSecret }: AgentObjectsOptions): IJob {
  const { place } = setup;
  const names = namesOf(place);
  const metadata = metadataOf(place, 'agent', names.agentJob(setup.rollout));
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata,
    spec: {
      backoffLimit: mostRestarts,
      activeDeadlineSeconds: longestSeconds,
      ttlSecondsAfterFinished: keptSeconds,
      template: {
        metadata: { labels: metadata.labels },
        spec: {
          serviceAccountName: names.agent,
          automountServiceAccountToken: true,
          enableServiceLinks: false,
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 5,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: user,
            runAsGroup: user,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          ...(pullSecret === undefined ? {} : { imagePullSecrets: [{ name: pullSecret }] }),
          containers: [
            {
              name: 'agent',
              image,
              imagePullPolicy: 'IfNotPresent',
              env: [{ name: setupVariable, value: JSON.stringify(setup) }],
              resources: agentResources,
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                runAsNonRoot: true,
                capabilities: { drop: ['ALL'] },
              },
            },
          ],
        },
      },
    },
  };
}
