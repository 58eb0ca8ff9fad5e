import { expect, test } from 'bun:test';
import { cosignTags } from '../cosign-tags.ts';
import { clientOf, failureOf } from '../registry/fake-client.ts';
import { FakeRegistry } from '../registry/fake-registry.ts';
import { wait } from '../registry/tries.ts';
import { writeImage } from '../write-image.ts';
import { attach } from './attach.ts';
import { verifyImage } from './verify.ts';
import { provenanceOf, signal, Workshop } from './workshop.ts';

test.each([true, false])(
  'pushes of one image at the same time by several keys lose nothing (referrers API: %p)',
  async (hasReferrers) => {
    using workshop = new Workshop();
    await using registry = await FakeRegistry.start({ hasReferrers });
    const { image, sbom } = await workshop.build('serve()');
    const keys = await Promise.all(Array.from({ length: 5 }, () => workshop.key()));

    await Promise.all(
      keys.map(async ({ key }) => {
        const { repository: to } = clientOf(registry, { pause: wait });
        const { artifact } = image;
        await writeImage({ image, to, emit: () => undefined, signal });
        const provenance = provenanceOf({ artifact });
        const repository = 'registry.example.com/team/shop';
        const index = image.index.descriptor;
        await attach({ index, repository, sbom, provenance, key, to, emit: () => undefined, signal });
      }),
    );

    const { repository: from } = clientOf(registry);
    for (const { trusted } of keys) {
      const verification = await verifyImage({ from, digest: image.digest, trusted: [trusted], signal });
      expect(verification.claims.filter(({ isGood }) => !isGood)).toEqual([]);
    }
    const tags = cosignTags(image.digest);
    const layersOf = (tag: string) =>
      JSON.parse(String(registry.manifests.get(`team/shop:${tag}`)?.bytes)).layers.length;
    expect([layersOf(tags.signatures), layersOf(tags.statements)]).toEqual([5, 10]);
  },
);

test('a registry that loses what is attached again and again is an error', async () => {
  using workshop = new Workshop();
  await using registry = await FakeRegistry.start({ hasReferrers: true });
  const { image, sbom } = await workshop.build('serve()');
  const { key } = await workshop.key();
  const { repository: to } = clientOf(registry);
  await writeImage({ image, to, emit: () => undefined, signal });
  const { signatures } = cosignTags(image.digest);
  const forget = async () => void registry.manifests.delete(`team/shop:${signatures}`);

  const attaching = attach({
    index: image.index.descriptor,
    repository: 'registry.example.com/team/shop',
    sbom,
    provenance: provenanceOf({ artifact: image.artifact }),
    key,
    to,
    emit: () => undefined,
    pause: forget,
    signal,
  });

  expect(await failureOf(attaching)).toMatchObject({
    code: 'registry_unreachable',
    message: expect.stringContaining('does not keep what is attached'),
  });
});
