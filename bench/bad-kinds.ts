import { noMoreThan300Mi } from '../e2e/cluster/pod-policy.ts';
import { pushWithoutLayer } from '../e2e/kubernetes/broken-image.ts';
import type { Project } from '../e2e/kubernetes/project.ts';
import { type Started, until } from '../e2e/local/project.ts';

/** A kind of bad release. */
export interface Kind {
  readonly what: string;
  /** Begins its rollout. */
  readonly deploy: (project: Project) => Promise<Started>;
  /** Whether the cluster shows it in the objects that `kubectl get` prints; without it, nothing there does. */
  readonly shows?: (project: Project, stable: string) => Promise<boolean>;
  readonly reach?: string;
  readonly after?: (project: Project) => Promise<void>;
}

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
    readonly status: {
      readonly containerStatuses?: readonly {
        readonly state: State;
        readonly lastState?: State;
      }[];
    };
  }[];
}

interface State {
  readonly waiting?: { readonly reason?: string };
  readonly terminated?: { readonly reason?: string; readonly exitCode: number };
  readonly running?: object;
}

interface ReplicaSets {
  readonly items: readonly {
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

export const kinds: readonly Kind[] = [
  {
    what: 'image missing',
    async deploy(project) {
      project.use('good.ts', { mark: `no layer ${crypto.randomUUID()}` });
      const image = await pushWithoutLayer(project);
      return project.start('deploy', '--image', image, '--json');
    },
    shows: (project, stable) =>
      candidateShows(project, stable, ({ waiting }) =>
        /^(ErrImagePull|ImagePullBackOff)$/.test(waiting?.reason ?? ''),
      ),
  },
  {
    what: 'crash at start',
    deploy: deployFixture('crash-at-start.ts'),
    shows: (project, stable) => candidateShows(project, stable, ({ terminated }) => terminated !== undefined),
  },
  {
    what: 'out of memory',
    deploy: deployFixture('eats-memory.ts'),
    shows: (project, stable) =>
      candidateShows(project, stable, ({ terminated }) => terminated?.reason === 'OOMKilled'),
  },
  {
    what: 'command that is not in the image',
    async deploy(project) {
      project.configure({ service: { entry: undefined, files: ['service.ts'], command: ['./not-there'] } });
      return project.start('deploy', '--json');
    },
    shows: (project, stable) =>
      candidateShows(
        project,
        stable,
        ({ waiting, terminated }) =>
          /^(CreateContainerConfigError|CreateContainerError|RunContainerError|CrashLoopBackOff)$/.test(
            waiting?.reason ?? '',
          ) || terminated !== undefined,
      ),
    async after(project) {
      project.configure({ service: { entry: 'service.ts', files: undefined, command: undefined } });
    },
  },
  {
    what: 'pods that a policy refuses',
    async deploy(project) {
      await project.cluster.apply(
        ...noMoreThan300Mi({ name: `deny-${project.namespace}`, namespace: project.namespace }),
      );
      await until('the policy counts', () => refusesLarge(project));
      project.configure({ environment: { resources: { cpu: '20m', memory: '400Mi' } } });
      return project.start('deploy', '--json');
    },
    async shows(project) {
      const path = `/apis/apps/v1/namespaces/${project.namespace}/replicasets`;
      const { items } = await project.read<ReplicaSets>(path);
      return items.some(({ status: { conditions = [] } }) =>
        conditions.some(({ type, status }) => type === 'ReplicaFailure' && status === 'True'),
      );
    },
    async after(project) {
      project.configure({ environment: { resources: { cpu: '20m', memory: '192Mi' } } });
      for (const kind of ['validatingadmissionpolicybinding', 'validatingadmissionpolicy']) {
        await project.cluster.kubectl('delete', kind, `deny-${project.namespace}`);
      }
    },
  },
  {
    what: 'never ready, its deadline 6 s',
    deploy: deployFixture('never-ready.ts'),
    shows: (project, stable) => candidateShows(project, stable, ({ running }) => running !== undefined),
    reach: 'at its deadline',
  },
];

function deployFixture(fixture: string): Kind['deploy'] {
  return async (project) => {
    project.use(fixture);
    return project.start('deploy', '--json');
  };
}

async function candidateShows(
  project: Project,
  stable: string,
  is: (state: State) => boolean,
): Promise<boolean> {
  const { items } = await project.read<Pods>(
    `pods?labelSelector=${encodeURIComponent('app.kubernetes.io/component=service')}`,
  );
  return items
    .filter(({ metadata: { labels = {} } }) => !labels['causeway.dev/release']?.startsWith(stable))
    .flatMap(({ status: { containerStatuses = [] } }) => containerStatuses)
    .some(({ state, lastState }) => is(state) || (lastState !== undefined && is(lastState)));
}

/** The API server acts by a policy some time after it was made; asked with a pod that nothing else refuses. */
async function refusesLarge(project: Project): Promise<boolean> {
  const { items } = await project.read<{ readonly items: readonly { readonly spec: PodSpec }[] }>('pods');
  const { spec } = items[0] ?? { spec: { containers: [] } };
  const containers = spec.containers.map((container) => ({
    ...container,
    resources: { requests: { cpu: '20m', memory: '400Mi' } },
  }));
  const overrides = JSON.stringify({ spec: { ...spec, nodeName: undefined, containers } });
  const run = ['run', 'large', '--image=large', `--overrides=${overrides}`, '--dry-run=server'];
  const { namespace, cluster } = project;
  const { stderr } = await cluster.tryKubectl('--namespace', namespace, ...run);
  return stderr.includes('at most 300Mi');
}

interface PodSpec {
  readonly containers: readonly object[];
}
