import type { Descriptor, Index } from './oci.ts';

/** How a layout's index.json names a tag. */
export const tagAnnotation = 'org.opencontainers.image.ref.name';

export interface Added {
  readonly descriptor: Descriptor;
  readonly tag: string | undefined;
  /** What it is attached to. */
  readonly subject: string | undefined;
  /** What each manifest that is listed already is attached to. */
  readonly subjects: ReadonlyMap<string, string | undefined>;
}

/**
 * The index.json of a layout with one manifest more. A tag names one manifest. Of images without a tag a layout
 * keeps the last, so that its one image is found without naming it; what was attached to one that is gone goes
 * with it.
 */
export function addToIndex(index: Index, { descriptor, tag, subject, subjects }: Added): Index {
  const { mediaType, digest, size } = descriptor;
  const kept = index.manifests.filter((one) => {
    const name = one.annotations?.[tagAnnotation];
    if (one.digest === digest && (name === undefined || name === tag)) return false;
    if (tag !== undefined) return name !== tag;
    return subject !== undefined || name !== undefined || subjects.get(one.digest) !== undefined;
  });
  const annotations = tag === undefined ? {} : { annotations: { [tagAnnotation]: tag } };
  const isNamed = tag === undefined && kept.some((one) => one.digest === digest);
  const all = isNamed ? kept : [...kept, { mediaType, digest, size, ...annotations }];

  const there = new Set(all.map((one) => one.digest));
  const gone = new Set(index.manifests.map((one) => one.digest).filter((one) => !there.has(one)));
  return { ...index, manifests: all.filter((one) => !gone.has(subjects.get(one.digest) ?? '')) };
}
