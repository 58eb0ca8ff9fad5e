import { expect, test } from 'bun:test';
import { mediaTypes } from '../oci.ts';
import { clientOf, failureOf, manifestOf } from './fake-client.ts';
import { answerWith, FakeRegistry } from './fake-registry.ts';

const { signal } = new AbortController();
const image = manifestOf();
const attachedTo = (subject: typeof image, artifactType: string) =>
  manifestOf({ subject: subject.descriptor, artifactType, annotations: { of: artifactType } });
const sbom = attachedTo(image, 'application/vnd.cyclonedx+json');
const provenance = attachedTo(image, 'application/vnd.in-toto+json');
const tag = image.descriptor.digest.replace(':', '-');

test('a registry that lists what is attached is asked for all its pages', async () => {
  await using registry = await FakeRegistry.start({ hasReferrers: true });
  const { repository } = clientOf(registry);

  await repository.putManifest(image, undefined, signal);
  await repository.putManifest(sbom, undefined, signal);
  await repository.putManifest(provenance, undefined, signal);

  const found = await repository.referrers(image.descriptor.digest, signal);
  expect(found.map(({ digest }) => digest)).toEqual([sbom.descriptor.digest, provenance.descriptor.digest]);
  expect(registry.manifests.has(`team/shop:${tag}`)).toBe(false);
});

test('where it does not, a tag lists it, each once, however many are attached at once', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);

  await Promise.all(
    [sbom, provenance, sbom].map((manifest) => repository.putManifest(manifest, undefined, signal)),
  );

  expect(await repository.referrers(image.descriptor.digest, signal)).toEqual([
    {
      ...sbom.descriptor,
      artifactType: 'application/vnd.cyclonedx+json',
      annotations: { of: 'application/vnd.cyclonedx+json' },
    },
    {
      ...provenance.descriptor,
      artifactType: 'application/vnd.in-toto+json',
      annotations: { of: 'application/vnd.in-toto+json' },
    },
  ]);
  expect(registry.manifests.get(`team/shop:${tag}`)?.mediaType).toBe(mediaTypes.index);
});

test('what has no subject is put on no list', async () => {
  await using registry = await FakeRegistry.start();

  await clientOf(registry).repository.putManifest(image, undefined, signal);

  expect(registry.manifests.has(`team/shop:${tag}`)).toBe(false);
});

test('nothing is attached where nothing is known', async () => {
  for (const hasReferrers of [true, false]) {
    await using registry = await FakeRegistry.start({ hasReferrers });
    expect(await clientOf(registry).repository.referrers(image.descriptor.digest, signal)).toEqual([]);
  }
});

test('a page that is no list of manifests is no answer', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  registry.plan(/referrers/, (_, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  );

  expect(await repository.referrers(image.descriptor.digest, signal)).toEqual([]);
});

test('a list that does not end is an error, and not the part of it that was read', async () => {
  await using registry = await FakeRegistry.start({ hasReferrers: true });
  const { repository } = clientOf(registry);
  const page = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] };
  const headers = { 'content-type': mediaTypes.index, link: '<?page=1>; rel="next"' };
  registry.plan(/referrers/, answerWith(200, headers, page), 1000);

  expect(await failureOf(repository.referrers(image.descriptor.digest, signal))).toMatchObject({
    code: 'image_unverified',
    message: expect.stringContaining('does not end after 100 pages'),
  });
});

test('a broken list is an error, and is not written over', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  const broken = { bytes: Buffer.from('{"schemaVersion":2}'), mediaType: mediaTypes.index };
  registry.manifests.set(`team/shop:${tag}`, broken);

  expect(await failureOf(repository.putManifest(sbom, undefined, signal))).toMatchObject({
    code: 'image_corrupt',
    message: `${registry.host}/team/shop:${tag} is no index`,
  });
  expect(registry.manifests.get(`team/shop:${tag}`)).toBe(broken);
});

test('a manifest that could not be attached does not hold up the next', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  registry.plan(/^PUT/, answerWith(403));

  const [first, second] = await Promise.allSettled([
    repository.putManifest(sbom, undefined, signal),
    repository.putManifest(provenance, undefined, signal),
  ]);

  expect(first.status).toBe('rejected');
  expect(second.status).toBe('fulfilled');
});

test('a list that somebody else writes at the same time is written again, until all is on it', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  const theirs = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] };
  registry.plan(new RegExp(`^GET .*/manifests/${tag}$`), answerWith(404));
  registry.plan(new RegExp(`^GET .*/manifests/${tag}$`), (_, response) => {
    const bytes = Buffer.from(JSON.stringify(theirs));
    registry.manifests.set(`team/shop:${tag}`, { bytes, mediaType: mediaTypes.index });
    response.writeHead(200, { 'content-type': mediaTypes.index }).end(bytes);
  });

  await repository.putManifest(sbom, undefined, signal);

  const found = await repository.referrers(image.descriptor.digest, signal);
  expect(found.map(({ digest }) => digest)).toEqual([sbom.descriptor.digest]);
});

test('a list that never keeps what is put on it is an error', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  registry.plan(new RegExp(`^GET .*/manifests/${tag}$`), answerWith(404), 1000);

  expect(await failureOf(repository.putManifest(sbom, undefined, signal))).toMatchObject({
    code: 'registry_unreachable',
    message: expect.stringContaining('lost what was put on its list'),
  });
});
