import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Platform } from '../../src/core/platform.ts';
import { makeProject, type Project, type ProjectOptions } from '../local/project.ts';
import { composeBase } from './base.ts';
import type { Account } from './registry.ts';

/** What this machine's engine runs. */
export const ownPlatform: Platform = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';

/**
 * A project on the composed base, with keys and docker credentials of its own. What was fetched and compressed
 * before is taken from the user's cache, unless a test says otherwise.
 */
export async function makeImageProject(options: ProjectOptions = {}): Promise<Project> {
  const image = { base: `oci:${await composeBase()}:base`, platforms: [ownPlatform], ...options.image };
  const project = await makeProject({ ...options, image });
  const docker = join(project.base, 'docker');
  mkdirSync(docker);
  Object.assign(project.env, {
    XDG_CONFIG_HOME: join(project.base, 'its config'),
    DOCKER_CONFIG: docker,
    DOCKER_HOST: `unix://${docker}/no-engine.sock`,
  });
  return project;
}

/** A service of one file, beside another of noise: small, and every `mark` another artifact. */
export const noisyService = {
  files: ['service.ts', 'noise'],
  entry: undefined,
  command: ['bun', 'service.ts'],
  test: undefined,
};

/** The public key of the project, which signs from then on. */
export async function makeTrusted(project: Project): Promise<string> {
  const { publicKey = '' } = (await project.causeway('keys', 'init', '--json')).json();
  project.configure({ image: { trust: [publicKey] } });
  return join(project.folder, publicKey);
}

/** As `docker login` does it. */
export function logIn(project: Project, host: string, { username, password }: Account): void {
  const auths = { [host]: { auth: btoa(`${username}:${password}`) } };
  writeFileSync(join(project.env.DOCKER_CONFIG ?? '', 'config.json'), JSON.stringify({ auths }));
}
