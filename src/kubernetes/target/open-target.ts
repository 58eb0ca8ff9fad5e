import type { Desired, Running } from '../../core/rollout.ts';
import type { Exit, Finding, OneOff } from '../../core/target.ts';
import type { Evidence } from '../../core/verdict.ts';
import type { Agent } from '../agent/open-agent.ts';
import type { Api } from '../api/api.ts';
import type { ClusterConfig } from '../cluster-config.ts';
import type { Place } from '../manifests/names.ts';
import type { Store } from '../store/store.ts';
import type { StoredRelease } from '../store/stored-release.ts';
import { KubernetesTarget } from './kubernetes-target.ts';

export interface TargetOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: ClusterConfig;
  readonly store: Store;
  /** Watches rollouts from inside; none may run there. */
  readonly agent?: Pick<
    Agent,
    'start' | 'stop' | 'close' | 'hasReported' | 'cannotRun' | 'isRemade' | 'counts'
  >;
  /** By digest; it is admitted, and noted for the next command. */
  readonly agentImage?: string;
  /** The release to roll out as it is rendered now: what is stored where none of its id is kept. */
  readonly rendered?: StoredRelease;
  /** The environment was made: where its state is gone once the lock is held, `down` has taken it away meanwhile. */
  readonly isMade?: boolean;
  readonly trace: (line: string) => void;
  /** Instead of what is loaded when it is needed. */
  readonly parts?: Partial<TargetParts>;
}

/** What the target does by way of others. */
export interface TargetParts {
  readonly findProblems: (about: About & { readonly desired: Desired }) => Promise<readonly Finding[]>;
  readonly runCommandJob: (about: About & { readonly what: OneOff }) => Promise<Exit>;
  readonly findEvidence: (about: About & { readonly running: Running }) => Promise<Evidence>;
}

interface About {
  readonly api: Api;
  readonly place: Place;
  readonly config: ClusterConfig;
  readonly store: Store;
  readonly signal: AbortSignal;
}

/** An environment in a cluster as core's engine drives it. It reaches nothing before it is asked, and is to be closed. */
export function openTarget({ parts, ...options }: TargetOptions): KubernetesTarget {
  return new KubernetesTarget({ ...options, parts: { ...loaded, ...parts } });
}

const loaded: TargetParts = {
  async findProblems(about) {
    const { findProblems } = await import('../preflight/find-problems.ts');
    return findProblems(about);
  },
  async runCommandJob(about) {
    const { runCommandJob } = await import('../release-command.ts');
    return runCommandJob(about);
  },
  async findEvidence(about) {
    const { findEvidence } = await import('../evidence.ts');
    return findEvidence(about);
  },
};
