import type { Image } from './image.ts';
import type { BlobContent, ImageReader } from './store.ts';
import { streamOf } from './stream.ts';
import { readFrom } from './write-file.ts';

/** An image that was built here, to be read like one that was written. */
export function readBuilt(image: Image): ImageReader {
  const manifests = [image.index, ...image.platforms.map(({ manifest }) => manifest)];
  const blobs = new Map<string, BlobContent>(
    image.platforms
      .flatMap(({ configBlob, layers }) => [configBlob, ...layers.map(({ content }) => content)])
      .map((content) => [content.descriptor.digest, content]),
  );
  return {
    name: 'the image',
    async manifest(reference) {
      return manifests.find(({ descriptor }) => descriptor.digest === reference);
    },
    async blob({ digest }, signal) {
      const content = await blobs.get(digest)?.open(signal);
      if (!content) throw new Error(`the image has no blob ${digest}`);
      return streamOf('path' in content ? readFrom(content.path) : only(content.bytes));
    },
    async referrers() {
      return [];
    },
  };
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
