import { expect, test } from 'bun:test';
import { zstdCompressSync } from 'node:zlib';
import { sha256 } from './digest.ts';
import { compress, decompress } from './gzip.ts';
import { mediaTypes } from './oci.ts';
import { readAll, streamOf } from './stream.ts';

/** The same on every machine, and neither all alike nor all noise. */
function sample(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0, seed = 1; at < size; at += 1) {
    seed = (seed * 48_271) % 2_147_483_647;
    bytes[at] = seed % 11;
  }
  return bytes;
}

async function* inParts(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

const large = sample(9_000_001);

function compressed(bytes: Uint8Array, partSize: number): Promise<Uint8Array> {
  return readAll(compress(inParts(bytes, partSize)), 'it');
}

function plain(bytes: Uint8Array, mediaType: string): Promise<Uint8Array> {
  return readAll(decompress(inParts(bytes, 10_000), mediaType, 'the layer'), 'it');
}

test('what is compressed is the same again, in whichever parts it comes', async () => {
  const gz = await compressed(large, 70_000);

  expect(sha256(await compressed(large, 9_000_001))).toBe(sha256(gz));
  expect(sha256(await plain(gz, mediaTypes.gzipLayer))).toBe(sha256(large));
});

test('the bytes are pinned: another runtime that compresses otherwise is noticed here', async () => {
  expect(sha256(await compressed(large, 70_000))).toBe(
    'sha256:3936d692b2ed479ee2ed8de855c275f3589bdd2039cf098202f786d98ef3476a',
  );
});

test('gzip of others, with one member or many, is read as every engine reads it', async () => {
  const gz = await compressed(large, 70_000);

  const run = Bun.spawnSync(['gzip', '-dc'], { stdin: gz, maxBuffer: 2e7 });

  expect(sha256(run.stdout)).toBe(sha256(large));
});

test('nothing compresses to one empty member', async () => {
  expect(await plain(await compressed(new Uint8Array(), 1), mediaTypes.gzipLayer)).toHaveLength(0);
});

test.each([
  [mediaTypes.layer, (bytes: Uint8Array) => bytes],
  [mediaTypes.zstdLayer, (bytes: Uint8Array) => zstdCompressSync(bytes)],
  [mediaTypes.dockerLayer, (bytes: Uint8Array) => Bun.gzipSync(Buffer.from(bytes))],
])('a layer of the type %s is read', async (mediaType, pack) => {
  const bytes = sample(100_000);

  expect(sha256(await plain(pack(bytes), mediaType))).toBe(sha256(bytes));
});

test('a layer that does not decompress is named', async () => {
  const gz = await compressed(sample(100_000), 70_000);

  await expect(plain(gz.subarray(0, 5000), mediaTypes.gzipLayer)).rejects.toThrow(
    /^the layer does not decompress: /,
  );
  await expect(plain(Buffer.from('no'), mediaTypes.zstdLayer)).rejects.toThrow(
    /^the layer does not decompress: /,
  );
});

test('a failure of where the bytes come from is told as it is', async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield (await compressed(sample(100_000), 70_000)).subarray(0, 5000);
    throw new Error('the line was cut');
  }

  const reading = readAll(decompress(streamOf(failing()), mediaTypes.gzipLayer, 'the layer'), 'it');

  await expect(reading).rejects.toThrow('the line was cut');
});
