import type { IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IEvent, IPod } from 'kubernetes-models/v1';
import type { Trouble } from '../../core/target.ts';
import { endTrouble } from './end-trouble.ts';
import { pullTrouble } from './image-trouble.ts';
import type { Remembered } from './pod-memory.ts';
import { conditionOf, container, containerOf, containerSpecOf, endsOf, isReadyPod } from './pod-status.ts';
import { probeTrouble } from './probe-trouble.ts';
import { conclusive, inconclusive, isRuntimeAway, oneLine, startWords } from './trouble-words.ts';

export interface PodLook {
  readonly pod: IPod;
  /** Of this pod, in any order. */
  readonly events: readonly IEvent[];
  readonly memory: Remembered;
}

/** How long what may still appear is given: a ConfigMap that was made just now, a list of digests that was changed. */
const secondLookMs = 2_000;

/** Why a replica is not ready or is not well, by cause and in plain words; undefined: it is, or it is too early to say. */
export function troubleOf(look: PodLook): Trouble | undefined {
  return (
    unscheduled(look) ??
    waiting(look) ??
    endTrouble(look) ??
    notStarted(look) ??
    unanswered(look) ??
    besides(look)
  );
}

/**
 * Why a ReplicaSet cannot make its pods, in the words of what refused them. Where others leave, a quota has room again
 * once those are gone.
 */
export function refusalOf(
  { metadata, status }: IReplicaSet,
  { memory, othersLeave }: { readonly memory: Remembered; readonly othersLeave: boolean },
): Trouble | undefined {
  const failure = status?.conditions?.find(({ type }) => type === 'ReplicaFailure');
  if (failure?.status !== 'True' || failure.reason !== 'FailedCreate') return undefined;
  const said = oneLine(failure.message ?? '').replace(/^(Error creating: )?pods "[^"]*" is forbidden: /, '');
  const patienceMs = ofOthers.test(said) ? putBackMs : secondLookMs;
  const stands = memory.standsMs(`${metadata?.uid} is refused`) >= patienceMs;
  if (/^(Internal error occurred: )?failed calling webhook|timed out|timeout/.test(said)) {
    return inconclusive('refused', `a pod could not be made: ${said}`);
  }
  if (othersLeave && said.startsWith('exceeded quota')) return inconclusive('refused', refusalWords(said));
  return { cause: 'refused', message: refusalWords(said), isConclusive: stands };
}

/** What was there when the rollout began, and was taken away since: it is put back, and then no fault of the release. */
const ofOthers =
  /no params found for policy binding|is not among those that Causeway verified|error looking up service account/;
/** A ReplicaSet tries less and less often. */
const putBackMs = 10_000;

function refusalWords(said: string): string {
  if (said.includes('no params found for policy binding'))
    return 'admission refused it: the list of images that may run is gone';
  const [, policy] = /^ValidatingAdmissionPolicy .* denied request: (.*)$/.exec(said) ?? [];
  const [, webhook] = /^admission webhook "[^"]*" denied the request: (.*)$/.exec(said) ?? [];
  if (said.startsWith('exceeded quota')) return `the namespace's quota refused it: ${said}`;
  return `admission refused it: ${policy ?? webhook ?? said}`;
}

/** A node may be on its way. */
function unscheduled({ pod }: PodLook): Trouble | undefined {
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return undefined;
  const said = oneLine(scheduled.message ?? '').replace(/\.? preemption: .*$/, '');
  return inconclusive('unschedulable', `no node has room for it: ${said}`);
}

function waiting(look: PodLook): Trouble | undefined {
  const { reason = '', message = '' } = containerOf(look.pod)?.state?.waiting ?? {};
  const image = containerSpecOf(look.pod)?.image ?? '';
  switch (reason) {
    case 'InvalidImageName':
      return conclusive('image', `image ${image} is not the name of an image`);
    case 'ErrImagePull':
    case 'ImagePullBackOff':
    case 'RegistryUnavailable':
    case 'ImageInspectError':
      return pullTrouble(look, { image, message });
    case 'ErrImageNeverPull':
    case 'SignatureValidationFailed':
      return conclusive('image', `image ${image} may not be pulled: ${oneLine(message) || reason}`);
    case 'CreateContainerConfigError':
      return configTrouble(look, message);
    case 'CreateContainerError':
    case 'RunContainerError':
      return isRuntimeAway(message)
        ? inconclusive('config', `the node’s container runtime did not answer: ${oneLine(message)}`)
        : conclusive('config', startWords(message));
    default:
      return undefined;
  }
}

function configTrouble({ pod, memory }: PodLook, message: string): Trouble {
  const stands = memory.standsMs(`${pod.metadata?.uid} ${message}`) >= secondLookMs;
  const [, kind = '', name] = /^(configmap|secret) "([^"]*)" not found$/.exec(message) ?? [];
  if (name !== undefined) {
    const what = kind === 'secret' ? 'Secret' : 'ConfigMap';
    return { cause: 'config', message: `${what} ${name} is missing`, isConclusive: stands };
  }
  const [, key, holder = ''] = /^couldn't find key (\S+) in (\S+ \S+)$/.exec(message) ?? [];
  if (key !== undefined) {
    const words = `${holder.replace(/ \S*\//, ' ')} has no key ${key}`;
    return { cause: 'config', message: words, isConclusive: stands };
  }
  const said = oneLine(message).replace(/ \(pod: .*\)$/, '');
  if (/non-root|runAsNonRoot/.test(said)) return conclusive('config', `it would run as root: ${said}`);
  return { cause: 'config', message: said, isConclusive: stands };
}

/** A pod whose volumes or network are not there yet says so in its events alone. */
function notStarted({ pod, events }: PodLook): Trouble | undefined {
  const { reason = 'ContainerCreating' } = containerOf(pod)?.state?.waiting ?? {};
  if (containerOf(pod)?.state?.running || !/^(ContainerCreating|PodInitializing)$/.test(reason))
    return undefined;
  const told = events.findLast((event) =>
    ['FailedMount', 'FailedAttachVolume', 'FailedCreatePodSandBox'].includes(event.reason ?? ''),
  );
  return told && inconclusive('config', `its pod cannot be set up: ${oneLine(told.message ?? '')}`);
}

function unanswered(look: PodLook): Trouble | undefined {
  const { pod } = look;
  const isRunning = containerOf(pod)?.state?.running !== undefined;
  if (!isRunning || isReadyPod(pod)) return undefined;
  const probe = probeTrouble(look);
  if (probe) return probe;
  const gate = pod.spec?.readinessGates?.find(
    ({ conditionType }) => conditionOf(pod, conditionType)?.status !== 'True',
  );
  const isContainerReady = conditionOf(pod, 'ContainersReady')?.status === 'True';
  if (gate && isContainerReady)
    return inconclusive('never-ready', `readiness gate ${gate.conditionType} is not true`);
  return endsOf(pod) > 0 ? inconclusive('crashed', 'it ended and was started again') : undefined;
}

/** What a webhook put beside the replica, such as the proxy of a mesh, keeps the pod from being ready as well. */
function besides({ pod }: PodLook): Trouble | undefined {
  if (isReadyPod(pod)) return undefined;
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const others = [
    ...initContainerStatuses.filter(({ state }) => state?.terminated?.exitCode !== 0),
    ...containerStatuses.filter(({ name, ready }) => name !== container && !ready),
  ];
  const told = others.map(({ name, state, lastState }) => {
    const { reason = '', message = '' } = state?.waiting ?? {};
    const end = state?.terminated ?? lastState?.terminated;
    const isStarting = /^(ContainerCreating|PodInitializing)?$/.test(reason);
    if (!isStarting) return { name, why: oneLine(message === '' ? reason : `${reason}: ${message}`) };
    if (end) return { name, why: `exit code ${end.exitCode}` };
    return { name, why: state?.running ? 'it is not ready' : undefined };
  });
  const found = told.find(({ why }) => why !== undefined);
  return (
    found && inconclusive('never-ready', `container ${found.name}, which is not the release’s: ${found.why}`)
  );
}
