import type { Account } from '../account.ts';
import type { ApiServer } from './api-server.ts';
import { type Binding, finalizer, gateOf, group } from './objects.ts';
import { type Slowness, Target } from './target.ts';
import { readTargetGroup, type TargetGroup } from './target-group.ts';

export interface ControllerOptions {
  readonly api: ApiServer;
  readonly account: Account;
  readonly slowness: Slowness;
  readonly isGood: (target: Target) => Promise<boolean>;
  readonly now: () => number;
}

export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly readinessGates?: readonly { readonly conditionType: string }[];
    readonly containers: readonly {
      readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
    }[];
  };
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
    }[];
  };
}

interface Service {
  readonly spec: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports: readonly {
      readonly name?: string;
      readonly port: number;
      readonly targetPort: number | string;
    }[];
  };
}

/** A target, with the pod that it is and when it is checked next. */
interface Registered {
  readonly target: Target;
  readonly gate: string;
  /** As it was seen last. */
  pod: Pod;
  nextCheckAt: number;
  isBeingChecked: boolean;
}

/** How long what AWS said of a target group is taken for true. */
const groupMs = 1_000;
const bindingsPath = `/apis/${group}/v1/targetgroupbindings`;

/** Stands for the managed controller: it registers the pods of bound services, and tells each how its target is. */
export class Controller {
  readonly #options: ControllerOptions;
  /** By binding, then by the pod's id. */
  readonly #registered = new Map<string, Map<string, Registered>>();
  readonly #groups = new Map<string, { readonly at: number; readonly answer: TargetGroup }>();
  /** By binding, what was last complained of. */
  readonly #problems = new Map<string, string>();
  /** Targets that have left, until they are gone. */
  #leaving: Target[] = [];

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  targets(): readonly Target[] {
    return [...[...this.#registered.values()].flatMap(targetsOf), ...this.#leaving];
  }

  /** Brings everything to what is wanted now. */
  async step(): Promise<void> {
    const { api, now } = this.#options;
    const found = await api.get<{ readonly items: readonly Binding[] }>(bindingsPath);
    const bindings = found?.items ?? [];
    for (const binding of bindings) await this.#reconcile(binding);
    const ids = new Set(bindings.map(({ metadata }) => metadata.uid));
    for (const id of this.#registered.keys()) if (!ids.has(id)) this.#forget(id);
    this.#leaving = this.#leaving.filter((target) => target.state(now()) !== 'gone');
    for (const pods of this.#registered.values())
      for (const registered of pods.values()) this.#check(registered);
    for (const pods of this.#registered.values())
      for (const registered of pods.values()) await this.#tell(registered);
  }

  async #reconcile(binding: Binding): Promise<void> {
    const { api, slowness, now } = this.#options;
    const { name, namespace, uid, deletionTimestamp, finalizers = [] } = binding.metadata;
    const path = `/apis/${group}/v1/namespaces/${namespace}/targetgroupbindings/${name}`;
    if (deletionTimestamp !== undefined) {
      this.#forget(uid);
      const others = finalizers.filter((each) => each !== finalizer);
      if (others.length < finalizers.length) await api.merge(path, { metadata: { finalizers: others } });
      return;
    }
    if (!finalizers.includes(finalizer)) {
      await api.merge(path, { metadata: { finalizers: [...finalizers, finalizer] } });
    }
    const answer = await this.#readGroup(binding.spec.targetGroupARN);
    if ('problem' in answer) {
      this.#forget(uid);
      await this.#complain(binding, answer.problem);
      return;
    }
    this.#problems.delete(uid);
    const pods = this.#registered.get(uid) ?? new Map<string, Registered>();
    this.#registered.set(uid, pods);
    const service = await api.get<Service>(
      `/api/v1/namespaces/${namespace}/services/${binding.spec.serviceRef.name}`,
    );
    const wanted = service ? await this.#podsOf(namespace, service) : [];
    const isWanted = new Map(wanted.map((pod) => [pod.metadata.uid, pod]));
    for (const [id, { target }] of pods) {
      if (isWanted.has(id)) continue;
      pods.delete(id);
      target.leave(now());
      this.#leaving.push(target);
    }
    for (const pod of wanted) {
      const known = pods.get(pod.metadata.uid);
      const port = service && portOf(service, binding, pod);
      const host = pod.status?.podIP;
      if (known) known.pod = pod;
      else if (port !== undefined && host !== undefined) {
        const target = new Target({ host, port }, { rules: answer.rules, slowness, now: now() });
        pods.set(pod.metadata.uid, {
          target,
          pod,
          gate: gateOf(binding),
          nextCheckAt: 0,
          isBeingChecked: false,
        });
      }
    }
  }

  /** What AWS said of a group lately. */
  async #readGroup(arn: string): Promise<TargetGroup> {
    const { account, now } = this.#options;
    const known = this.#groups.get(arn);
    if (known && now() - known.at < groupMs) return known.answer;
    const answer = await readTargetGroup(account, arn);
    this.#groups.set(arn, { at: now(), answer });
    return answer;
  }

  /** Whose containers are ready, whatever their gates say, and that are to stay. */
  async #podsOf(namespace: string, { spec }: Service): Promise<readonly Pod[]> {
    const { selector } = spec;
    if (selector === undefined) return [];
    const labels = new URLSearchParams({
      labelSelector: Object.entries(selector)
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
    });
    const found = await this.#options.api.get<{ readonly items: readonly Pod[] }>(
      `/api/v1/namespaces/${namespace}/pods?${labels}`,
    );
    return (found?.items ?? []).filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined &&
        status?.conditions?.some(({ type, status }) => type === 'ContainersReady' && status === 'True'),
    );
  }

  #check(registered: Registered): void {
    const { isGood, now } = this.#options;
    const { target } = registered;
    const isKnown = !['registering', 'leaving', 'draining', 'gone'].includes(target.state(now()));
    if (!isKnown || registered.isBeingChecked || now() < registered.nextCheckAt) return;
    registered.isBeingChecked = true;
    registered.nextCheckAt = now() + target.rules.intervalMs;
    void isGood(target).then((good) => {
      target.checked(good);
      registered.isBeingChecked = false;
    });
  }

  /** Sets the pod's condition, where it has the gate and says something else. */
  async #tell({ target, pod, gate }: Registered): Promise<void> {
    if (!pod.spec.readinessGates?.some(({ conditionType }) => conditionType === gate)) return;
    const state = target.state(this.#options.now());
    const status = state === 'healthy' ? 'True' : 'False';
    const reason = reasons[state];
    const before = pod.status?.conditions?.find(({ type }) => type === gate);
    if (before?.status === status && before.reason === reason) return;
    const { name, namespace } = pod.metadata;
    const condition = { type: gate, status, reason, lastTransitionTime: new Date().toISOString() };
    await this.#options.api.merge(`/api/v1/namespaces/${namespace}/pods/${name}/status`, {
      status: { conditions: [condition] },
    });
  }

  #forget(id: string): void {
    for (const { target } of this.#registered.get(id)?.values() ?? []) {
      target.leave(this.#options.now());
      this.#leaving.push(target);
    }
    this.#registered.delete(id);
  }

  async #complain(binding: Binding, message: string): Promise<void> {
    const { name, namespace, uid } = binding.metadata;
    if (this.#problems.get(uid) === message) return;
    this.#problems.set(uid, message);
    const at = new Date().toISOString();
    await this.#options.api.post(`/api/v1/namespaces/${namespace}/events`, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { generateName: `${name}.`, namespace },
      involvedObject: { apiVersion: `${group}/v1`, kind: 'TargetGroupBinding', name, namespace, uid },
      type: 'Warning',
      reason: 'FailedBackendReconcile',
      message,
      source: { component: 'targetGroupBinding' },
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    });
  }
}

/** As AWS calls them: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html */
const reasons = {
  registering: 'Elb.RegistrationInProgress',
  initial: 'Elb.InitialHealthChecking',
  healthy: 'Healthy',
  unhealthy: 'Target.FailedHealthChecks',
  leaving: 'Target.DeregistrationInProgress',
  draining: 'Target.DeregistrationInProgress',
  gone: 'Target.NotRegistered',
} as const;

function targetsOf(pods: ReadonlyMap<string, Registered>): readonly Target[] {
  return [...pods.values()].map(({ target }) => target);
}

/** The pod's port that the binding's port of the service leads to. */
function portOf({ spec }: Service, binding: Binding, pod: Pod): number | undefined {
  const { port } = binding.spec.serviceRef;
  const found = spec.ports.find((each) => each.port === port || each.name === port);
  if (found === undefined) return undefined;
  if (typeof found.targetPort === 'number') return found.targetPort;
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
  return ports.find(({ name }) => name === found.targetPort)?.containerPort;
}
