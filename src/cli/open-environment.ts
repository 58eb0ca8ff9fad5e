import type { Config, EnvironmentConfig, Service } from '../core/config.ts';
import type { Environment } from '../core/environment.ts';
import type { PublishAgentOptions } from '../kubernetes/agent/agent-image.ts';

export interface Place {
  /** The name of the project. */
  readonly project: string;
  /** The folder of the config, links resolved. */
  readonly folder: string;
  /** The name of the environment. */
  readonly name: string;
  readonly config: EnvironmentConfig;
  readonly service: Service;
  /** The context of the kubeconfig that `--context` names. */
  readonly context: string | undefined;
  /** Where its images are pushed to, if anywhere. */
  readonly repository: string | undefined;
  /** Who calls: `user@host`. */
  readonly user: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The number of the user that calls. */
  readonly uid: number;
  /** The program that runs this, and replicas. */
  readonly runtime: string;
  /** Told of each request and process, for `--verbose`. */
  readonly trace: (line: string) => void;
  /** Told what takes seconds, once, such as what is installed on first use. */
  readonly say: (line: string) => void;
}

/** An environment that this machine remembers, whatever became of its project's folder and config. */
export interface StoredPlace extends Pick<Place, 'folder' | 'name'> {
  readonly project: string;
  readonly config: Config;
  readonly isRunning: boolean;
}

export type ListStored = (env: Place['env']) => Promise<readonly StoredPlace[]>;

/** Of targets that keep their state on this machine. */
export const listStored: ListStored = async (env) => {
  const { listStored: listLocal } = await import('../local/stored.ts');
  return listLocal(env);
};

export type OpenEnvironment = (place: Place) => Promise<Environment>;

/** The target that the config names, loaded when it is needed. */
export const openEnvironment: OpenEnvironment = async (place) => {
  const { config } = place;
  switch (config.target) {
    case 'local': {
      const { openLocal } = await import('../local/environment.ts');
      return openLocal({ ...place, config });
    }
    case 'kubernetes': {
      const { openKubernetes } = await import('../kubernetes/environment.ts');
      return openKubernetes({ ...place, config });
    }
    case 'aws': {
      const { openAws } = await import('../cloud/open-aws.ts');
      return openAws({ ...place, config });
    }
  }
};

export type PublishAgent = (options: PublishAgentOptions) => Promise<string>;

/** Of targets in whose rollouts one helps. */
export const publishAgent: PublishAgent = async (options) => {
  const { publishAgent: publish } = await import('../kubernetes/agent/agent-image.ts');
  return publish(options);
};
