import { UserError } from '../../core/errors.ts';
import type { EmitImage } from '../../image/image-event.ts';

const names = { sbom: 'SBOM', provenance: 'provenance', signature: 'signature' } as const;
type Attachment = keyof typeof names;

/** How far a push got: what there is of it when it ends before its time. */
export class Progress {
  #stage: 'begun' | 'publishing' | 'published' = 'begun';
  readonly #missing = new Set<Attachment>(['sbom', 'provenance']);

  /** The image will be signed as well. */
  expectSignature(): void {
    this.#missing.add('signature');
  }

  /** The same events, looked at on their way. */
  watch(emit: EmitImage): EmitImage {
    return (event) => {
      if (event.kind === 'publishing' || event.kind === 'published') this.#stage = event.kind;
      if (event.kind === 'attached') this.#missing.delete(event.what);
      emit(event);
    };
  }

  /** For somebody who broke it off. */
  get left(): string {
    if (this.#stage === 'begun') return 'nothing was published';
    const isThere = this.#stage === 'published' ? 'is there' : 'may be there by now';
    return this.#missing.size > 0
      ? `the image ${isThere}, without ${this.#without}`
      : `the image ${isThere}, with all that belongs to it`;
  }

  /** What kept the rest from being attached to an image that is there. */
  incomplete(thrown: unknown): unknown {
    if (!(thrown instanceof UserError)) return thrown;
    const { message, hint, details } = thrown;
    return new UserError({
      code: 'image_incomplete',
      message: `the image is there, without ${this.#without}: ${message}`,
      hint: `push again, which adds what is missing; if it fails again: ${hint}`,
      ...(details === undefined ? {} : { details }),
      cause: thrown,
    });
  }

  get #without(): string {
    const missing = [...this.#missing].map((what) => names[what]);
    const [last = ''] = missing.slice(-1);
    return missing.length > 1 ? `${missing.slice(0, -1).join(', ')} and ${last}` : last;
  }
}
