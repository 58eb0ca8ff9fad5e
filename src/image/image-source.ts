import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { EmitImage } from './image-event.ts';
import { openLayout } from './layout.ts';
import type { Credentials } from './registry/credentials.ts';
import type { Fetch } from './registry/exchange.ts';
import { parseReference, type Reference, showReference } from './registry/reference.ts';
import { openRepository } from './registry/repository.ts';
import type { ImageReader } from './store.ts';

/** Where an image is, by what the user wrote. */
export type ImageSource =
  | {
      readonly kind: 'layout';
      readonly path: string;
      /** The folder as the user wrote it. */
      readonly shown: string;
      readonly tag?: string;
      readonly digest?: string;
    }
  | {
      readonly kind: 'registry';
      readonly reference: Reference;
      readonly tag?: string;
      readonly digest?: string;
    };

/** `oci:<folder>[:tag][@digest]`, from `folder`; everything else is the name of an image in a registry. */
export function parseSource(text: string, folder: string): ImageSource {
  if (text.startsWith('oci:')) return parseLayout(text.slice('oci:'.length), folder);
  const reference = parseReference(text);
  return { kind: 'registry', reference, ...partsOf(reference) };
}

export function parseLayout(text: string, folder: string): ImageSource {
  const [, named = text, digest] = /^(.*)@(sha256:[0-9a-f]{64})$/s.exec(text) ?? [];
  const toPath = (shown: string) => (isAbsolute(shown) ? shown : join(folder, shown));
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const hasTag = colon > 0 && !existsSync(toPath(named));
  const shown = hasTag ? named.slice(0, colon) : named;
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  return { kind: 'layout', path: toPath(shown), shown, ...partsOf({ tag, digest }) };
}

/** What a registry is spoken to with. */
export interface SourceAccess {
  readonly credentials: Credentials;
  readonly emit: EmitImage;
  /** Default: the global one. */
  readonly fetch?: Fetch | undefined;
}

export function openSource(source: ImageSource, { credentials, emit, fetch }: SourceAccess): ImageReader {
  if (source.kind === 'layout') return openLayout(source.path);
  const { host, repository } = source.reference;
  return openRepository({ reference: { host, repository }, credentials, emit, fetch });
}

/** The repository that it is in, or the folder, without tag and digest. */
export function placeOf(source: ImageSource): string {
  if (source.kind === 'layout') return source.shown;
  const { host, repository } = source.reference;
  return showReference({ host, repository });
}

function partsOf({
  tag,
  digest,
}: {
  readonly tag?: string | undefined;
  readonly digest?: string | undefined;
}) {
  return { ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}
