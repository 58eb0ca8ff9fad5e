import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CausewayConfig } from '../../src/core/config.ts';
import { composeBase } from '../images/base.ts';
import { ownPlatform } from '../images/image-project.ts';
import { type Ended, envBelow, openFiles, type Started, startCauseway } from '../local/project.ts';
import type { Emulator } from './emulator.ts';
import type { Keys } from './signed.ts';
import { users } from './users.ts';

type AwsInput = Extract<CausewayConfig['environments'][string], { target: 'aws' }>;

export interface ProjectOptions {
  readonly environment?: Partial<AwsInput>;
}

/** What the stacks, the cluster and the registry of every test's environment are called. */
export const stackName = 'shop-production';
const environmentName = 'production';

export type Project = Awaited<ReturnType<typeof makeProject>>;

/** A project whose environment lies in the emulator's account; its commands are those of the developer. */
export async function makeProject(emulator: Emulator, options: ProjectOptions = {}) {
  const base = mkdtempSync(join(realpathSync('/tmp'), 'cw-'));
  const folder = join(base, 'a project');
  const env: Record<string, string> = {
    ...envBelow(base),
    XDG_CONFIG_HOME: join(base, 'its config'),
    DOCKER_CONFIG: join(base, 'docker'),
  };
  mkdirSync(env.DOCKER_CONFIG ?? '');
  const children = new Set<Bun.Subprocess>();
  const files = openFiles(folder);
  let config = configOf(options, await composeBase());
  writeConfig();

  return {
    base,
    folder,
    /** Where receipts and histories are kept. */
    stateFolder: join(env.XDG_STATE_HOME ?? '', 'causeway'),
    ...files,
    causeway: (command: string, ...rest: readonly string[]): Promise<Ended> => start(command, ...rest).ended,
    start,
    /** As somebody else. */
    as: (keys: Keys, command: string, ...rest: readonly string[]): Promise<Ended> =>
      startAs(keys, command, ...rest).ended,
    configure(environment: Partial<AwsInput>, service: Partial<CausewayConfig['service']> = {}): void {
      const { [environmentName]: before } = config.environments;
      config = {
        ...config,
        service: { ...config.service, ...service },
        environments: { [environmentName]: { ...before, ...environment } as AwsInput },
      };
      writeConfig();
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill('SIGKILL');
      rmSync(base, { recursive: true, force: true });
    },
  };

  function start(command: string, ...rest: readonly string[]): Started {
    return startAs(users.developer, command, ...rest);
  }

  function startAs(keys: Keys, command: string, ...rest: readonly string[]): Started {
    const defined = Object.entries(emulator.env(keys)).filter(([, value]) => value !== undefined);
    const reached = { ...env, ...Object.fromEntries(defined) } as Record<string, string>;
    const started = startCauseway({ args: [command, environmentName, ...rest], folder, env: reached });
    children.add(started.process);
    void started.ended.then(() => children.delete(started.process));
    return started;
  }

  function writeConfig(): void {
    files.write('causeway.config.ts', `export default ${JSON.stringify(config, null, 2)};\n`);
  }
}

function configOf({ environment }: ProjectOptions, base: string): CausewayConfig {
  return {
    project: 'shop',
    service: { entry: 'service.ts', probes: { ready: '/readyz', live: '/livez' }, drain: '5s' },
    image: { base: `oci:${base}:base`, platforms: [ownPlatform] },
    environments: {
      [environmentName]: {
        target: 'aws',
        // Nobody is asked where the tests come from.
        allowApiFrom: ['203.0.113.7/32'],
        bake: '1s',
        deadlines: { start: '60s' },
        resources: { cpu: '20m', memory: '192Mi' },
        ...environment,
      },
    },
  };
}
