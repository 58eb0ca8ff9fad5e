import { type Config, parseConfig, rulesOf } from '../../src/core/config.ts';
import type { RolloutEvent } from '../../src/core/event.ts';
import { makeRelease, type Release } from '../../src/core/release.ts';
import { type Outcome, type RolloutContext, rollOut } from '../../src/core/roll-out.ts';
import type { Rollout, Running } from '../../src/core/rollout.ts';
import { openApi } from '../../src/kubernetes/api/open-api.ts';
import { environmentObjects } from '../../src/kubernetes/manifests/environment-objects.ts';
import { placeOf } from '../../src/kubernetes/manifests/names.ts';
import { renderRelease } from '../../src/kubernetes/manifests/render-release.ts';
import { openStore } from '../../src/kubernetes/store/open-store.ts';
import { openTarget, type TargetOptions } from '../../src/kubernetes/target/open-target.ts';
import { accessTo } from '../cluster/access.ts';
import type { Cluster } from '../cluster/cluster.ts';

export type TargetPlace = Awaited<ReturnType<typeof makeTargetPlace>>;

export interface ReleaseOptions {
  readonly port?: number;
  /** Instead of the image that there is. */
  readonly digest?: string;
  readonly paths?: readonly string[];
  readonly memory?: string;
}

const signal = new AbortController().signal;

/** An environment in a namespace of its own, driven by core's engine over the target alone. */
export async function makeTargetPlace(cluster: Cluster, { replicas = 2, bake = '1s' } = {}) {
  const namespace = await cluster.makeNamespace();
  const image = await cluster.image('web');
  const [pullFrom = '', digest = ''] = image.split('@');
  const config = configOf({ replicas, bake, namespace: namespace.name });
  const environment = config.environments.staging;
  if (environment?.target !== 'kubernetes') throw new Error('it is no cluster');
  const place = placeOf('shop', 'staging', environment);
  const told: string[] = [];
  const api = openApi({ access: accessTo(cluster), namespace: place.namespace, trace: () => undefined });
  for (const object of environmentObjects({ place, config: environment })) {
    if (object.kind === 'ServiceAccount' || object.kind === 'Service') await api.apply(object, { signal });
  }
  const store = openStore({ api, place });

  function open(options: Partial<TargetOptions> = {}) {
    const parts: TargetOptions['parts'] = {
      findProblems: async () => [],
      findEvidence: async () => ({ lines: [] }),
      runCommandJob: async () => ({ kind: 'succeeded' }),
    };
    return openTarget({
      api,
      place,
      config: environment as TargetOptions['config'],
      store,
      trace: (line) => told.push(line),
      parts,
      ...options,
    });
  }

  return {
    name: place.namespace,
    place,
    api,
    store,
    /** What was traced. */
    told,
    open,
    kubectl: (...args: readonly string[]) => cluster.kubectl('--namespace', place.namespace, ...args),
    release(version: string, options: ReleaseOptions = {}): Release {
      const { port = 8080, paths = ['/'], memory = '64Mi' } = options;
      return makeRelease({
        artifact: `sha256:${version}`,
        image: options.digest ?? digest,
        command: [],
        settings: {
          env: { VERSION: version },
          secrets: [],
          port,
          paths: [...paths],
          probes: { timeoutMs: 1_000 },
          drainMs: 1_000,
          pod: { resources: { cpu: '10m', memory }, preStopMs: 0 },
        },
      });
    },
    /** As a command does it: with a target of its own. */
    roll(release: Release, options: RollOptions = {}): Rolling {
      const { kind = 'deploy', secretSet, onEvent, startMs } = options;
      const stopped = new AbortController();
      const target = open(options.target);
      const events: RolloutEvent[] = [];
      const context: RolloutContext = {
        target,
        rules: { ...rulesOf(environment), ...(startMs === undefined ? {} : { startMs }) },
        emit: (event) => {
          events.push(event);
          onEvent?.(event);
        },
        now: Date.now,
        makeId: () => crypto.randomUUID().slice(0, 8),
        signal: stopped.signal,
        giveUp: target.giveUp,
      };
      const running: Running = { release, ...(secretSet === undefined ? {} : { secretSet }) };
      const ended = (async () => {
        await store.storeRelease(renderRelease({ release, pullFrom, place }), signal);
        return rollOut(context, { kind, running, by: 'tester', replicas });
      })().finally(() => target.close());
      ended.catch(() => undefined);
      return { ended, events, kill: () => stopped.abort(new Error('killed')), context };
    },
    async [Symbol.asyncDispose]() {
      await namespace[Symbol.asyncDispose]();
    },
  };
}

export interface RollOptions {
  readonly kind?: Rollout['kind'];
  readonly secretSet?: string;
  /** Default: 30 s. */
  readonly startMs?: number;
  readonly target?: Partial<TargetOptions>;
  readonly onEvent?: (event: RolloutEvent) => void;
}

export interface Rolling {
  readonly ended: Promise<Outcome>;
  readonly events: readonly RolloutEvent[];
  /** Leaves everything as it is. */
  readonly kill: () => void;
  readonly context: RolloutContext;
}

interface Shape {
  readonly replicas: number;
  readonly bake: string;
  readonly namespace: string;
}

function configOf({ replicas, bake, namespace }: Shape): Config {
  const deadlines = { start: '30s' };
  const staging = { target: 'kubernetes', context: 'test', namespace, replicas, bake, deadlines };
  const service = { files: ['*'], command: ['/app'] };
  return parseConfig({ project: 'shop', service, environments: { staging } }, 'the test');
}
