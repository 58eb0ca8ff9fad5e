import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../core/errors.ts';
import {
  type ImageSource,
  openSource,
  parseLayout,
  parseSource,
  placeOf,
  type SourceAccess,
} from './image-source.ts';
import { layoutImage } from './layout.ts';
import type { ImageReader } from './store.ts';

export interface OpenedImage {
  readonly reader: ImageReader;
  /** A digest, or a registry's tag. The image of a layout is always known by its digest. */
  readonly reference: string;
  readonly isDigest: boolean;
  /** The repository that it is in, `registry.example.com/team/shop`; none of a layout. */
  readonly repository?: string;
  /** The name for people, tag and digest included. */
  readonly shown: string;
}

/**
 * Finds an image by what the user wrote: the name of one in a registry, or a layout's folder (a path that
 * exists, or begins with `./`, `../`, `/` or `oci:`), each with `@sha256:…` behind it where that is wanted.
 */
export async function openImage({
  text,
  folder,
  signal,
  ...access
}: SourceAccess & {
  readonly text: string;
  /** The one that a layout's path begins from. */
  readonly folder: string;
  readonly signal: AbortSignal;
}): Promise<OpenedImage> {
  const source = isPath(text, folder) ? parseLayout(text, folder) : parseSource(text, folder);
  const reader = openSource(source, access);
  if (source.kind === 'layout') {
    const digest = source.digest ?? (await digestIn(source, reader, signal));
    return { reader, reference: digest, isDigest: true, shown: `${source.shown}@${digest}` };
  }
  const { tag, digest } = source;
  const reference = digest ?? tag ?? 'latest';
  const name = tag === undefined ? placeOf(source) : `${placeOf(source)}:${tag}`;
  const shown = digest !== undefined ? `${name}@${digest}` : `${placeOf(source)}:${reference}`;
  return { reader, reference, isDigest: digest !== undefined, repository: placeOf(source), shown };
}

function isPath(text: string, folder: string): boolean {
  if (/^(\.{0,2}\/|\.{1,2}$)/.test(text)) return true;
  return !text.startsWith('oci:') && existsSync(join(folder, text.replace(/@sha256:[0-9a-f]{64}$/, '')));
}

async function digestIn(
  { path, shown, tag }: Extract<ImageSource, { kind: 'layout' }>,
  reader: ImageReader,
  signal: AbortSignal,
): Promise<string> {
  if (tag === undefined) return layoutImage(path, signal);
  const stored = await reader.manifest(tag, signal);
  if (stored) return stored.descriptor.digest;
  throw new UserError({
    code: 'image_not_found',
    message: `${shown} has no image with the tag ${tag}`,
    hint: `leave the tag out if it holds one image: ${shown}`,
  });
}
