import { showMs } from '../../core/duration.ts';
import { shortId } from '../../core/release.ts';
import type { EmitImage } from '../../image/image-event.ts';
import type { Board } from '../terminal/board.ts';
import { showBytes } from './show-bytes.ts';

/** How many blobs were written, and how many were there already or came from another repository. */
export interface Written {
  readonly blobs: number;
  readonly bytes: number;
  readonly mounted: number;
  readonly present: number;
}

export interface ImageTeller {
  readonly emit: EmitImage;
  readonly written: () => Written;
}

/** Tells on the board what happens to an image, behind the label of the step under way, and counts. */
export function tellImage(board: Board, label: string): ImageTeller {
  const told = new Set<string>();
  let written: Written = { blobs: 0, bytes: 0, mounted: 0, present: 0 };
  return {
    written: () => written,
    emit(event) {
      switch (event.kind) {
        case 'base-resolved':
          return board.say({
            label: 'base',
            text: `${event.name} is ${shortId(event.digest)} from now on: causeway.lock.json notes it`,
          });
        case 'fetching':
          return board.show(label, `fetching ${event.what}${sizeText(event.size)}`);
        case 'packing':
          // The service is small, and packed whenever it changed.
          if (event.role === 'app') return board.show(label, `packing ${event.what}`);
          return board.showLong(label, `packing ${event.what}`);
        case 'writing':
          return board.show(label, `writing ${shortId(event.digest)}${sizeText(event.size)}`);
        case 'written':
          written = add(written, event);
          return;
        case 'publishing':
        case 'published':
        case 'attached':
          return;
        case 'retrying':
          // Four blobs are under way at a time, and what ails one ails all of them.
          if (told.has(event.because)) return;
          told.add(event.because);
          return board.say({
            label: 'retry',
            text: `${event.because}, ${shorten(event.what)}; again in ${showMs(event.pauseMs)}`,
          });
      }
    },
  };
}

/** `2 blobs written (51.0 MB), 3 there already`. */
export function describeWritten({ blobs, bytes, mounted, present }: Written): string {
  const parts = [
    ...(blobs > 0 ? [`${blobs} ${blobs === 1 ? 'blob' : 'blobs'} written (${showBytes(bytes)})`] : []),
    ...(mounted > 0 ? [`${mounted} mounted`] : []),
    ...(present > 0 ? [`${present} there already`] : []),
  ];
  return parts.join(', ') || 'nothing to write';
}

function shorten(text: string): string {
  return text.replaceAll(/sha256:[0-9a-f]{64}/g, shortId);
}

function sizeText(size: number | undefined): string {
  return size === undefined ? '' : `, ${showBytes(size)}`;
}

function add(
  written: Written,
  { how, size }: { readonly how: 'present' | 'mounted' | 'written'; readonly size: number },
): Written {
  switch (how) {
    case 'present':
      return { ...written, present: written.present + 1 };
    case 'mounted':
      return { ...written, mounted: written.mounted + 1 };
    case 'written':
      return { ...written, blobs: written.blobs + 1, bytes: written.bytes + size };
  }
}
