import type { Node } from '../../cluster/cluster.ts';
import { type Started, until } from '../../local/project.ts';
import type { Project, Replica } from '../project.ts';
import type { FaultKind, PlannedFault } from './plan.ts';

/** A fault as it struck. Times are Unix milliseconds. */
export interface StruckFault {
  readonly kind: FaultKind;
  readonly round: number;
  readonly at: number;
  /** From then on it may cost nothing any more. */
  readonly until: number;
  /** The pod that it struck. */
  readonly pod?: string;
  /** Whose that pod was, as its label has it. */
  readonly release?: string;
  /** It ended a process without a word, which may have been serving: what that one had in flight may be lost. */
  readonly isKill: boolean;
}

export interface FaultPlace {
  readonly project: Project;
  readonly node: Node;
  /** The command that runs now. */
  readonly command: () => Started | undefined;
}

/** Lets it strike, and returns once it is mended; undefined: there was nothing to strike. */
export async function strikeFault(
  { project, node, command }: FaultPlace,
  { kind, forMs, pick }: PlannedFault,
  round: number,
): Promise<StruckFault | undefined> {
  switch (kind) {
    case 'pod deleted':
      return strikePod(false, ({ name }) => project.kubectl('delete', 'pod', name, '--wait=false'));
    case 'pod deleted at once':
      return strikePod(true, ({ name }) =>
        project.kubectl('delete', 'pod', name, '--wait=false', '--grace-period=0', '--force'),
      );
    case 'replica killed':
      return strikePod(true, async ({ name }) => killProcesses(node, await uidOf(project, name)));
    case 'kubelet restarted':
      return away('kubelet');
    case 'API server away':
      return away('kube-apiserver', apiAnswers);
    case 'etcd restarted':
      return away('etcd', apiAnswers);
    case 'registry away':
      return away('registry', registryAnswers);
    case 'scheduler restarted':
      return away('kube-scheduler');
    case 'controller manager restarted':
      return away('kube-controller-manager');
    case 'container runtime restarted':
      return away('containerd');
    case 'command killed': {
      const running = command();
      if (!running || running.process.exitCode !== null) return undefined;
      const at = Date.now();
      running.process.kill('SIGKILL');
      await running.ended;
      return { kind, round, at, until: Date.now(), isKill: false };
    }
    case 'agent deleted': {
      let job: string | undefined;
      while (command() && job === undefined) {
        job = await agentJob(project);
        if (job === undefined) await Bun.sleep(50);
      }
      if (job === undefined) return undefined;
      const at = Date.now();
      const said = await project.kubectl('delete', 'job', job, '--wait=false', '--ignore-not-found');
      // It had ended with its rollout meanwhile.
      if (said.trim() === '') return undefined;
      return { kind, round, at, until: Date.now(), isKill: false };
    }
  }

  async function strikePod(
    isKill: boolean,
    strike: (replica: Replica) => Promise<unknown>,
  ): Promise<StruckFault | undefined> {
    const standing = (await project.replicas()).filter(({ isLeaving }) => !isLeaving);
    const sorted = standing.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const replica = sorted[Math.floor(pick * sorted.length)];
    if (!replica) return undefined;
    const at = Date.now();
    await strike(replica);
    await until(
      `${kind}: pod ${replica.name} is out`,
      async () => {
        const now = (await project.replicas()).find(({ name }) => name === replica.name);
        return !now || now.isLeaving || !now.isReady || now.restarts > replica.restarts;
      },
      { withinMs: 60_000 },
    );
    const { name: pod, release } = replica;
    return { kind, round, at, until: Date.now() + untoldMs, pod, release, isKill };
  }

  async function away(part: string, isBack?: () => Promise<unknown>): Promise<StruckFault> {
    const at = Date.now();
    await node.stop(part);
    await Bun.sleep(forMs);
    await node.start(part);
    if (isBack) {
      const answers = () =>
        isBack().then(
          () => true,
          () => false,
        );
      await until(`${kind}: it is back`, answers, { withinMs: 60_000 });
    }
    return { kind, round, at, until: Date.now(), isKill: false };
  }

  function apiAnswers(): Promise<unknown> {
    return project.read('services/shop');
  }

  async function registryAnswers(): Promise<void> {
    const { status } = await fetch(`http://${project.cluster.registry}/v2/`, {
      signal: AbortSignal.timeout(2_000),
    });
    if (status !== 200) throw new Error(`the registry answers ${status}`);
  }
}

/** From what the API tells of a pod until the Service’s rules on the node are without it. */
const untoldMs = 3_000;

interface Named {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
}

async function uidOf(project: Project, pod: string): Promise<string> {
  const { metadata } = await project.read<Named>(`pods/${pod}`);
  return metadata.uid;
}

async function agentJob(project: Project): Promise<string | undefined> {
  const { items } = await project.read<{ items: readonly Named[] }>(
    `/apis/batch/v1/namespaces/${project.namespace}/jobs?labelSelector=app.kubernetes.io/component%3Dagent`,
  );
  return items.find(({ metadata }) => metadata.deletionTimestamp === undefined)?.metadata.name;
}

/** All of a pod but its sandbox. */
async function killProcesses(node: Node, uid: string): Promise<void> {
  const script = `for process in /proc/[0-9]*; do
    grep -q "pod$0" "$process/cgroup" 2>/dev/null || continue
    grep -q pause "$process/cmdline" 2>/dev/null || kill -KILL "\${process#/proc/}" 2>/dev/null
  done; true`;
  await node.exec('sh', '-c', script, uid);
}
