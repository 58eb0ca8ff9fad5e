import { createHash } from 'node:crypto';
import type { Service } from '../core/config.ts';
import type { Artifact } from '../core/environment.ts';
import { bundledPackages } from './attest/bundled-packages.ts';
import { copiedPackages } from './attest/copied-packages.ts';
import type { Package } from './attest/package.ts';
import { bundleEntry } from './bundle-entry.ts';
import { collectFiles } from './collect-files.ts';
import { type LayerFile, packLayer } from './layer.ts';

export interface Built {
  readonly artifact: Artifact;
  /** What starts a replica, in the artifact's folder. */
  readonly command: readonly string[];
  /** What packages are in it. */
  readonly packages: readonly Package[];
}

/**
 * Builds the application layer of a service. The same tree gives the same bytes on any machine, in any
 * folder and at any time; `folder` is the config's, links resolved.
 */
export async function buildArtifact({
  service,
  folder,
}: {
  readonly service: Pick<Service, 'entry' | 'files' | 'command'>;
  readonly folder: string;
}): Promise<Built> {
  const { entry, files = [], command = [] } = service;
  if (entry === undefined) {
    const copied = await collectFiles(files, folder);
    return { artifact: await makeArtifact(copied), command, packages: await copiedPackages(copied, folder) };
  }
  const bundle = await bundleEntry(entry, folder);
  return {
    artifact: await makeArtifact(bundle.files),
    command: bundleCommand,
    packages: await bundledPackages(bundle.inputs),
  };
}

/** A bundle holds all that it imports: nothing is fetched when it starts, and no `.env` beside it is read. */
const bundleCommand = ['bun', '--no-install', '--no-env-file', 'main.js'];

async function makeArtifact(files: readonly LayerFile[]): Promise<Artifact> {
  const tar = await packLayer(files);
  return { digest: `sha256:${createHash('sha256').update(tar).digest('hex')}`, tar };
}
