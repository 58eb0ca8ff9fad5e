import { join } from 'node:path';
import type { Cloud } from '../core/cloud.ts';
import type { AwsConfig, Service } from '../core/config.ts';
import { stateFolder } from '../core/state-folder.ts';
import type { Reach } from '../kubernetes/reach.ts';
import { installSources } from '../packages/install-package.ts';
import { CloudEnvironment, type OpenCloudEnvironmentOptions } from './cloud-environment.ts';
import { once } from './once.ts';

export interface OpenAwsOptions extends Omit<OpenCloudEnvironmentOptions, 'cloud' | 'config' | 'target'> {
  readonly config: AwsConfig;
  readonly service: Service;
}

/** What the package exports, as far as anything here calls it. */
interface AwsPackage {
  openCloud(options: object): Cloud<Reach>;
}

/** An environment in an AWS account; what reaches AWS is installed and loaded once it is asked something. */
export function openAws(options: OpenAwsOptions): CloudEnvironment {
  const { project, name, config, service, env, trace, say } = options;
  const cloud = once(async (signal) => {
    const folder = join(import.meta.dir, '..', '..', 'aws');
    const path = await installSources({ folder, entry: 'src/open-cloud.ts', env, say, signal });
    const { openCloud } = (await import(path)) as AwsPackage;
    return openCloud({
      project,
      environment: name,
      config,
      service: { port: service.port, readyPath: service.probes.ready ?? service.paths[0] ?? '/' },
      stateFolder: stateFolder(env),
      env,
      trace,
    });
  });
  return new CloudEnvironment({ ...options, target: 'aws', cloud });
}
