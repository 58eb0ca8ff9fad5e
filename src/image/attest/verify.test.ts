import { afterAll, expect, test } from 'bun:test';
import { UserError } from '../../core/errors.ts';
import { sha256 } from '../digest.ts';
import { readAttachments } from './attachments.ts';
import { findAttachments } from './find-attachments.ts';
import { shortKey, type TrustedKey } from './keys.ts';
import { refuseUnverified, type Verification, verifyImage } from './verify.ts';
import { type AttestedImage, provenanceOf, signal, Workshop } from './workshop.ts';

const workshops: Workshop[] = [];
afterAll(() => {
  for (const workshop of workshops) workshop[Symbol.dispose]();
});

function open(): Workshop {
  const workshop = new Workshop();
  workshops.push(workshop);
  return workshop;
}

function verify(
  { to }: Workshop,
  { index }: AttestedImage,
  trusted: readonly TrustedKey[],
): Promise<Verification> {
  return verifyImage({ from: to, digest: index.digest, trusted, signal });
}

/** The claims that do not hold, by name. */
function wrongOf({ claims }: Verification): Readonly<Record<string, string>> {
  return Object.fromEntries(claims.filter(({ isGood }) => !isGood).map(({ name, says }) => [name, says]));
}

async function layersOf({ to }: Workshop, { index }: AttestedImage) {
  const { statements, signatures } = await findAttachments({ from: to, digest: index.digest, signal });
  const digestOf = (kind: string) => statements.find((one) => one.kind === kind)?.layer.digest ?? '';
  return {
    sbom: digestOf('sbom'),
    provenance: digestOf('provenance'),
    signature: signatures[0]?.layer.digest ?? '',
  };
}

test('an image that is whole and signed by a trusted key is good, and every claim says why', async () => {
  const workshop = open();
  const { key, trusted } = await workshop.key();
  const image = await workshop.image('hello');

  expect(await workshop.attach(image, { key })).toEqual({
    sbom: 'written',
    provenance: 'written',
    signature: 'written',
  });
  const verification = await verify(workshop, image, [trusted]);

  expect(verification.isGood).toBe(true);
  expect(verification.claims.map(({ name, says }) => `${name}: ${says}`)).toEqual([
    'image: linux/amd64, linux/arm64',
    'layers: 2 read, each as its digests say',
    'sbom: 1 components',
    'provenance: aaaaaaa, by urn:causeway:cli, 14 tests passed',
    `signature: by ${shortKey(trusted.id)} (${trusted.path})`,
  ]);
  expect(verification.signers).toEqual([trusted]);
  expect(verification.sbom).toEqual(image.sbom);
  expect(() => refuseUnverified(verification)).not.toThrow();
});

test('attaching again adds nothing, whatever time it is', async () => {
  const workshop = open();
  const { key } = await workshop.key();
  const image = await workshop.image('hello');
  await workshop.attach(image, { key });
  const before = await workshop.to.referrers(image.index.digest, signal);

  const again = await workshop.attach(image, {
    key,
    provenance: provenanceOf({ ...image, startedAt: 5000 }),
  });

  expect(again).toEqual({ sbom: 'present', provenance: 'present', signature: 'present' });
  expect(await workshop.to.referrers(image.index.digest, signal)).toEqual(before);
});

test('another revision that builds the same image has its provenance beside the first', async () => {
  const workshop = open();
  const { key, trusted } = await workshop.key();
  const image = await workshop.image('hello');
  await workshop.attach(image, { key });

  const later = provenanceOf({ ...image, commit: 'b'.repeat(40), startedAt: 5000 });
  const attached = await workshop.attach(image, { key, provenance: later });

  expect(attached).toEqual({ sbom: 'present', provenance: 'written', signature: 'present' });
  expect((await verify(workshop, image, [trusted])).provenance).toEqual(later);
});

test('a second key signs beside the first, so that keys can be changed one after the other', async () => {
  const workshop = open();
  const [one, two] = [await workshop.key(), await workshop.key()];
  const image = await workshop.image('hello');
  await workshop.attach(image, { key: one.key });
  const before = await verify(workshop, image, [two.trusted]);
  await workshop.attach(image, { key: two.key });

  expect(before.isGood).toBe(false);
  for (const trusted of [[one.trusted], [two.trusted], [one.trusted, two.trusted]]) {
    const { isGood, signers } = await verify(workshop, image, trusted);
    expect({ isGood, signers }).toEqual({ isGood: true, signers: trusted });
  }
});

test('without a key SBOM and provenance are attached to look at, and nothing is verified', async () => {
  const workshop = open();
  const { key, trusted } = await workshop.key();
  const image = await workshop.image('hello');

  expect(await workshop.attach(image)).toEqual({ sbom: 'written', provenance: 'written' });
  const { sbom, signatures } = await readAttachments({
    from: workshop.to,
    digest: image.index.digest,
    signal,
  });
  const unsigned = await verify(workshop, image, [trusted]);
  await workshop.attach(image, { key });

  expect({ sbom, signatures }).toEqual({ sbom: image.sbom, signatures: 0 });
  expect(wrongOf(unsigned)).toEqual({
    sbom: 'it is not signed',
    provenance: 'it is not signed',
    signature: 'there is none',
  });
  expect((await verify(workshop, image, [trusted])).isGood).toBe(true);
});

test('a key that is not trusted is named', async () => {
  const workshop = open();
  const [one, two] = [await workshop.key(), await workshop.key()];
  const image = await workshop.image('hello');
  await workshop.attach(image, { key: one.key });

  const says = `it is signed by the key ${shortKey(one.key.id)} that image.trust does not name`;
  expect(wrongOf(await verify(workshop, image, [two.trusted]))).toEqual({
    sbom: says,
    provenance: says,
    signature: says,
  });
});

test('where no key is trusted nothing counts', async () => {
  const workshop = open();
  const { key } = await workshop.key();
  const image = await workshop.image('hello');
  await workshop.attach(image, { key });

  expect(wrongOf(await verify(workshop, image, [])).signature).toBe(
    'image.trust names no key, so no signature counts',
  );
});

for (const name of ['sbom', 'provenance', 'signature'] as const) {
  test(`one byte changed in the ${name} fails that claim alone, and it is named`, async () => {
    const workshop = open();
    const { key, trusted } = await workshop.key();
    const image = await workshop.image('hello');
    await workshop.attach(image, { key });
    const { [name]: digest } = await layersOf(workshop, image);

    workshop.damage(digest);
    const verification = await verify(workshop, image, [trusted]);

    expect(Object.keys(wrongOf(verification))).toEqual([name]);
    expect(wrongOf(verification)[name]).toContain(digest.slice('sha256:'.length));
  });
}

test('one byte changed in a layer fails the layers, and names it', async () => {
  const workshop = open();
  const { key, trusted } = await workshop.key();
  const image = await workshop.image('hello');
  await workshop.attach(image, { key });
  const manifest = await workshop.to.manifest(image.index.digest, signal);
  const [platform] = JSON.parse(new TextDecoder().decode(manifest?.bytes)).manifests;
  const child = await workshop.to.manifest(platform.digest, signal);
  const layer = JSON.parse(new TextDecoder().decode(child?.bytes)).layers[1].digest;

  workshop.damage(layer);
  const verification = await verify(workshop, image, [trusted]);

  expect(Object.keys(wrongOf(verification))).toEqual(['layers']);
  expect(wrongOf(verification).layers).toStartWith('layer 2 of linux/amd64: ');
  expect(() => refuseUnverified(verification)).toThrow(/is not what it should be: layers$/);
});

test('one byte changed in a manifest fails the image', async () => {
  const workshop = open();
  const { key, trusted } = await workshop.key();
  const image = await workshop.image('hello');
  await workshop.attach(image, { key });
  const manifest = await workshop.to.manifest(image.index.digest, signal);
  const [platform] = JSON.parse(new TextDecoder().decode(manifest?.bytes)).manifests;

  workshop.damage(platform.digest);

  expect(Object.keys(wrongOf(await verify(workshop, image, [trusted])))).toEqual(['image', 'layers']);
});

test('the SBOM and the signature of another image do not count, however well they are signed', async () => {
  const workshop = open();
  const { key, trusted } = await workshop.key();
  const [image, other] = [await workshop.image('hello'), await workshop.image('evil')];
  await workshop.attach(other, { key });
  const attached = await workshop.to.referrers(other.index.digest, signal);
  for (const { digest } of attached) {
    const stored = await workshop.to.manifest(digest, signal);
    const manifest = { ...JSON.parse(new TextDecoder().decode(stored?.bytes)), subject: image.index };
    const bytes = new TextEncoder().encode(JSON.stringify(manifest));
    const descriptor = {
      ...image.index,
      mediaType: manifest.mediaType,
      digest: sha256(bytes),
      size: bytes.length,
    };
    await workshop.to.putManifest({ descriptor, bytes }, undefined, signal);
  }

  const name = other.index.digest.slice(7, 14);
  expect(wrongOf(await verify(workshop, image, [trusted]))).toEqual({
    sbom: `it is well signed, but of another image (${name})`,
    provenance: `it is well signed, but of another image (${name})`,
    signature: `it is of another image (${name})`,
  });
});

test('an SBOM of this image that describes other content does not count', async () => {
  const workshop = open();
  const { key, trusted } = await workshop.key();
  const [image, other] = [await workshop.image('hello'), await workshop.image('evil')];
  await workshop.attach({ ...image, sbom: other.sbom }, { key });

  expect(wrongOf(await verify(workshop, image, [trusted]))).toEqual({
    sbom: `it describes ${other.index.digest}, another image`,
  });
});

test('what others put beside a good image does not spoil it', async () => {
  const workshop = open();
  const [own, foreign] = [await workshop.key(), await workshop.key()];
  const [image, other] = [await workshop.image('hello'), await workshop.image('evil')];
  await workshop.attach(image, { key: own.key });
  await workshop.attach({ ...image, sbom: other.sbom }, { key: foreign.key });

  const { isGood, sbom } = await verify(workshop, image, [own.trusted]);

  expect({ isGood, sbom }).toEqual({ isGood: true, sbom: image.sbom });
});

test('an image that is not there is not found, which is no judgement of it', async () => {
  const workshop = open();
  await workshop.image('hello');

  const judged = verifyImage({ from: workshop.to, digest: sha256('nothing'), trusted: [], signal });

  const error = await judged.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error instanceof UserError && error.code).toBe('image_not_found');
});
