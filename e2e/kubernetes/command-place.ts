import { join } from 'node:path';
import { parseConfig } from '../../src/core/config.ts';
import { makeRelease } from '../../src/core/release.ts';
import type { Running } from '../../src/core/rollout.ts';
import { buildArtifact } from '../../src/image/artifact.ts';
import { openBlobCache } from '../../src/image/blob-cache.ts';
import { buildImage } from '../../src/image/build-image.ts';
import { parseReference } from '../../src/image/registry/reference.ts';
import { openRepository } from '../../src/image/registry/repository.ts';
import { writeImage } from '../../src/image/write-image.ts';
import { openApi } from '../../src/kubernetes/api/open-api.ts';
import { metadataOf, namesOf, type Place } from '../../src/kubernetes/manifests/names.ts';
import { renderRelease } from '../../src/kubernetes/manifests/render-release.ts';
import { openStore } from '../../src/kubernetes/store/open-store.ts';
import { accessTo } from '../cluster/access.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { composeBase } from '../images/base.ts';
import { ownPlatform } from '../images/image-project.ts';

const home = join(import.meta.dir, '..', '..');

export interface ShellImage {
  readonly pullFrom: string;
  readonly digest: string;
}

/** An image whose commands are one-liners: it has Bun. */
export async function pushShellImage(cluster: Cluster): Promise<ShellImage> {
  const pullFrom = `${cluster.registry}/command-test/shop`;
  const { image: settings } = parseConfig(
    {
      project: 'shop',
      service: { entry: 'main.ts' },
      image: { base: `oci:${await composeBase()}:base`, platforms: [ownPlatform], repository: pullFrom },
      environments: { local: { target: 'local' } },
    },
    'the test',
  );
  const { env } = process;
  const { signal } = new AbortController();
  const credentials = async () => undefined;
  const emit = () => undefined;
  const folder = join(home, 'e2e', 'fixtures');
  const { artifact, command } = await buildArtifact({ service: { entry: 'good.ts' }, folder });
  const image = await buildImage({
    artifact,
    command,
    port: 8080,
    settings,
    runtime: 'bun',
    folder: home,
    notesBase: false,
    home,
    cache: openBlobCache(env),
    env,
    credentials,
    emit,
    signal,
  });
  const to = openRepository({ reference: parseReference(pullFrom), credentials, emit });
  await writeImage({ image, to, emit, signal });
  return { pullFrom, digest: image.digest };
}

export interface CommandPlaceOptions {
  readonly image: ShellImage;
  /** Instead of the image's own. */
  readonly digest?: string;
  readonly memory?: string;
  readonly secrets?: Readonly<Record<string, string>>;
}

/** A namespace in which a release is stored, with what its pods need, and nothing runs. */
export async function makeCommandPlace(cluster: Cluster, options: CommandPlaceOptions) {
  const { image, digest = image.digest, memory = '192Mi', secrets = {} } = options;
  const namespace = await cluster.makeNamespace({ 'pod-security.kubernetes.io/enforce': 'restricted' });
  const place: Place = { project: 'shop', environment: 'test', namespace: namespace.name };
  const traced: string[] = [];
  const trace = (line: string) => traced.push(line);
  const api = openApi({ access: accessTo(cluster), namespace: namespace.name, trace });
  const store = openStore({ api, place });
  const { signal } = new AbortController();
  const account = metadataOf(place, 'service', namesOf(place).service);
  await api.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: account }, { signal });
  const release = makeRelease({
    artifact: digest,
    image: digest,
    command: [],
    settings: {
      env: { COLOUR: 'amber' },
      secrets: Object.keys(secrets),
      port: 8080,
      paths: ['/'],
      probes: { timeoutMs: 1_000 },
      drainMs: 1_000,
      pod: { resources: { cpu: '10m', memory }, preStopMs: 0 },
    },
  });
  const stored = renderRelease({ release, pullFrom: image.pullFrom, place });
  await store.storeRelease(stored, signal);
  const secretSet = await store.storeSecrets(secrets, { inUse: [], isFresh: false }, signal);
  const running: Running = { release, ...(secretSet === undefined ? {} : { secretSet }) };
  return {
    place,
    api,
    store,
    stored,
    running,
    traced,
    trace,
    kubectl: (...args: readonly string[]) => cluster.kubectl('--namespace', namespace.name, ...args),
    async [Symbol.asyncDispose]() {
      await namespace[Symbol.asyncDispose]();
    },
  };
}
