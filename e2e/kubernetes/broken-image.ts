import { mediaTypes } from '../../src/image/oci.ts';
import { mustEnd } from '../local/project.ts';
import type { Project } from './project.ts';

/**
 * Pushes the project's service to a repository of its own, and takes its layer away there: every check of the
 * manifest finds it whole, and no node can pull it. Returns its reference.
 */
export async function pushWithoutLayer(project: Project): Promise<string> {
  const repository = `${project.repository}-${crypto.randomUUID().slice(0, 8)}`;
  const pushed = await mustEnd(project.imagePush(repository));
  const reference = pushed.json().reference ?? '';
  const [, digest = ''] = reference.split('@');
  const { manifests = [] } = await readManifest(project, repository, digest);
  const { layers = [] } = await readManifest(project, repository, manifests[0]?.digest ?? '');
  const own = layers.at(-1)?.digest ?? '';
  const { status } = await ask(project, repository, `blobs/${own}`, 'DELETE');
  if (status !== 202) throw new Error(`the registry did not delete ${own}: ${status}`);
  return reference;
}

interface Manifest {
  readonly manifests?: readonly { readonly digest: string }[];
  readonly layers?: readonly { readonly digest: string }[];
}

async function readManifest(project: Project, repository: string, digest: string): Promise<Manifest> {
  const response = await ask(project, repository, `manifests/${digest}`);
  return (await response.json()) as Manifest;
}

function ask({ cluster: { registry } }: Project, repository: string, path: string, method = 'GET') {
  const name = repository.slice(registry.length + 1);
  const accept = [mediaTypes.index, mediaTypes.manifest].join(', ');
  return fetch(`http://${registry}/v2/${name}/${path}`, { method, headers: { accept } });
}
