import type { IConfigMap, IContainer, IEnvVar, IPodSpec, IPodTemplateSpec } from 'kubernetes-models/v1';
import { type Release, type Settings, shortId } from '../../core/release.ts';
import { type StoredRelease, secretSetMark } from '../store/stored-release.ts';
import {
  labels,
  metadataOf,
  namesOf,
  ownLabels,
  type Place,
  portName,
  releaseLabel,
  selectorOf,
} from './names.ts';

export interface PodTemplateOptions {
  readonly release: Release;
  /** By digest. */
  readonly image: string;
  /** The name of the ConfigMap of its variables. */
  readonly settings: string;
  readonly place: Place;
  readonly pullSecret?: string | undefined;
}

/** What replicas of a release are made from. No time, rollout or version of Causeway is in it. */
export function podTemplate(options: PodTemplateOptions) {
  const { release, place } = options;
  const own = { ...ownLabels(place), ...selectorOf(place) };
  return {
    metadata: {
      labels: {
        ...own,
        [labels.version]: shortId(release.id),
        [labels.release]: releaseLabel(release.id),
      },
    },
    spec: podSpec(options),
  } satisfies IPodTemplateSpec;
}

/** The template of a stored release, filled in with the name of the secrets that it runs with. */
export function templateOf(stored: StoredRelease, secretSet: string | undefined): IPodTemplateSpec {
  const { metadata, spec, ...template }: IPodTemplateSpec = JSON.parse(stored.template);
  if (secretSet === undefined) return { ...template, metadata, spec };
  const filled = { ...metadata?.labels, [labels.secretSet]: secretSet };
  return {
    ...template,
    metadata: { ...metadata, labels: filled },
    spec: spec && { ...spec, containers: spec.containers.map((container) => fillIn(container, secretSet)) },
  };
}

/** The variables of a release, kept as long as the release is. */
export function settingsMapOf(place: Place, { settings }: Pick<StoredRelease, 'settings'>): IConfigMap {
  const metadata = metadataOf(place, 'state', settings.name);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...metadata, labels: { ...metadata.labels, [labels.keeps]: 'settings' } },
    immutable: true,
    data: settings.data,
  } satisfies IConfigMap;
}

function fillIn({ env, ...container }: IContainer, secretSet: string): IContainer {
  return env === undefined
    ? container
    : { ...container, env: env.map((entry) => fillInEntry(entry, secretSet)) };
}

function fillInEntry(entry: IEnvVar, secretSet: string): IEnvVar {
  const reference = entry.valueFrom?.secretKeyRef;
  if (reference?.name === undefined) return entry;
  const name = reference.name.replace(secretSetMark, secretSet);
  return { ...entry, valueFrom: { secretKeyRef: { ...reference, name } } };
}

/** What a replica may write to `/tmp`, on its node's disk; one that writes more is evicted. */
const mostInTmp = '256Mi';
/** Between the drain's deadline and SIGKILL: a replica that keeps its deadline is never killed. */
const marginMs = 5_000;

function podSpec(options: PodTemplateOptions) {
  const { place, release, pullSecret } = options;
  const { drainMs } = release.settings;
  const { preStopMs } = podSettings(release);
  return {
    serviceAccountName: namesOf(place).service,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: toSeconds(preStopMs) + toSeconds(drainMs + marginMs),
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    ...(pullSecret === undefined ? {} : { imagePullSecrets: [{ name: pullSecret }] }),
    topologySpreadConstraints: ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map(
      (topologyKey) => ({
        topologyKey,
        maxSkew: 1,
        whenUnsatisfiable: 'ScheduleAnyway' as const,
        labelSelector: { matchLabels: selectorOf(place) },
        // The stable release's replicas are none of the candidate's concern.
        matchLabelKeys: ['pod-template-hash'],
      }),
    ),
    containers: [container(options)],
    volumes: [{ name: 'tmp', emptyDir: { sizeLimit: mostInTmp } }],
  } satisfies IPodSpec;
}

/** Without a command: an image that Causeway built carries it, and a brought one starts as it says itself. */
function container({ release, image, settings, place }: PodTemplateOptions) {
  const { port, secrets } = release.settings;
  const { preStopMs, resources } = podSettings(release);
  const { cpu, memory, cpuLimit } = resources;
  return {
    name: namesOf(place).container,
    image,
    imagePullPolicy: 'IfNotPresent',
    envFrom: [{ configMapRef: { name: settings } }],
    ...(secrets.length === 0 ? {} : { env: secrets.map((name) => secretVariable(name, place)) }),
    ports: [{ name: portName, containerPort: port, protocol: 'TCP' }],
    ...probesOf(release.settings),
    // The kubelet sleeps itself, so that an image without a shell does.
    ...(preStopMs === 0 ? {} : { lifecycle: { preStop: { sleep: { seconds: toSeconds(preStopMs) } } } }),
    resources: {
      requests: { cpu, memory },
      limits: { ...(cpuLimit === undefined ? {} : { cpu: cpuLimit }), memory },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'] },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
  } satisfies IContainer;
}

function podSettings({ id, settings: { pod } }: Release): NonNullable<Settings['pod']> {
  if (!pod) throw new Error(`release ${id} was not made for a cluster`);
  return pod;
}

function secretVariable(name: string, place: Place) {
  return { name, valueFrom: { secretKeyRef: { name: namesOf(place).secrets(secretSetMark), key: name } } };
}

/** How often the start is asked for: ten minutes, while the rollout's own deadline is shorter. */
const startProbes = 600;

function probesOf({ paths, probes: { ready, live, timeoutMs } }: Settings) {
  const timeoutSeconds = toSeconds(timeoutMs);
  const [first = '/'] = paths;
  const at = (path: string) => ({ httpGet: { path, port: portName }, timeoutSeconds });
  return {
    startupProbe: { ...at(first), periodSeconds: 1, failureThreshold: startProbes },
    readinessProbe: { ...at(ready ?? first), periodSeconds: 1, failureThreshold: 3 },
    ...(live === undefined ? {} : { livenessProbe: { ...at(live), periodSeconds: 10, failureThreshold: 3 } }),
  };
}

function toSeconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}
