import type { IPod } from 'kubernetes-models/v1';
import { UserError } from '../../core/errors.ts';
import type { Finding } from '../../core/target.ts';
import type { Api } from '../api/api.ts';
import { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { type Component, labels, ownLabels, type Place } from '../manifests/names.ts';
import { note, orRefusal, unknown } from '../preflight/cluster-parts.ts';
import { waitUntil } from '../wait-until.ts';

export interface PullCheck {
  readonly api: Api;
  readonly place: Place;
  /** By digest. */
  readonly image: string;
  readonly pullSecret: string | undefined;
  readonly signal: AbortSignal;
}

const patienceMs = 60_000;
const goneMs = 20_000;

/**
 * Whether a node gets the image from the registry, asked anew even where it has it. The pod that finds out names a
 * program that no image has, so that nothing of the service runs, and is gone afterwards.
 */
export async function checkPull(check: PullCheck): Promise<readonly Finding[]> {
  const { api, place, image, signal } = check;
  const pod = podOf(check);
  const name = pod.metadata?.name ?? '';
  const created = await orRefusal(() => api.create(pod, { signal }));
  if (created instanceof ApiRefusal) return [refused(created)];
  try {
    let seen: Pulled = 'waiting';
    await waitUntil(patienceMs, signal, async () => {
      seen = howPulled(await api.get(kinds.pod, name, signal));
      return seen !== 'waiting';
    });
    return [describe(seen, image, place)];
  } finally {
    await removePod(api, name);
  }
}

function podOf({ place, image, pullSecret }: PullCheck): IPod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${place.project}-pull-${crypto.randomUUID().slice(0, 8)}`,
      namespace: place.namespace,
      labels: { ...ownLabels(place), [labels.component]: 'one-off' satisfies Component },
    },
    spec: {
      restartPolicy: 'Never',
      activeDeadlineSeconds: 120,
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...(pullSecret === undefined ? {} : { imagePullSecrets: [{ name: pullSecret }] }),
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'pull',
          image,
          imagePullPolicy: 'Always',
          command: ['/no-such-program-it-is-pulled-alone'],
          resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '10m', memory: '16Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  };
}

type Pulled = 'waiting' | 'pulled' | 'unscheduled' | { readonly why: string };

/** A container that could not be started has its image. */
function howPulled(pod: IPod | undefined): Pulled {
  const { phase, containerStatuses, conditions = [] } = pod?.status ?? {};
  const [status] = containerStatuses ?? [];
  const { waiting, terminated, running } = status?.state ?? {};
  if (terminated || running || phase === 'Succeeded') return 'pulled';
  if (waiting?.reason === 'RunContainerError' || waiting?.reason === 'CreateContainerError') return 'pulled';
  const isFailure = /^(ErrImage|ImagePull|InvalidImage|RegistryUnavailable|SignatureValidation)/.test(
    waiting?.reason ?? '',
  );
  if (isFailure) return { why: waiting?.message ?? waiting?.reason ?? '' };
  if (phase === 'Failed') return { why: pod?.status?.message ?? pod?.status?.reason ?? 'the pod failed' };
  return conditions.some(({ reason }) => reason === 'Unschedulable') ? 'unscheduled' : 'waiting';
}

function describe(pulled: Pulled, image: string, { namespace }: Place): Finding {
  if (pulled === 'pulled') return note(`a node pulled ${image} just now`);
  if (pulled === 'unscheduled')
    return unknown(`whether a node pulls ${image}: none has room for one more pod`);
  if (pulled === 'waiting') {
    return {
      isProblem: true,
      message: `a node did not get ${image} within ${patienceMs / 1000} s`,
      hint: `look at what a pod of it waits for: kubectl --namespace ${namespace} get events`,
    };
  }
  return {
    isProblem: true,
    message: `a node cannot pull ${image}: ${pulled.why}`,
    hint: 'the nodes reach the registry by this name, and get in by pullSecret or by their own credentials',
  };
}

function refused({ message }: ApiRefusal): Finding {
  return {
    isProblem: true,
    message: `whether nodes can pull is not known: a pod that would find out is refused: ${message}`,
    hint: 'a rollout’s pods are refused in the same way; mend what the message names',
  };
}

/** Also where the user has pressed Ctrl-C meanwhile. One that does not go is no finding, and hides none. */
async function removePod(api: Api, name: string): Promise<void> {
  const signal = AbortSignal.timeout(2 * goneMs);
  try {
    await api.remove(kinds.pod, name, { signal, graceSeconds: 0 });
    await waitUntil(goneMs, signal, async () => (await api.get(kinds.pod, name, signal)) === undefined);
  } catch (error) {
    if (!(error instanceof UserError) && !signal.aborted) throw error;
  }
}
