import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../../core/release.ts';
import type { Descriptor } from '../oci.ts';
import { parseJson } from '../parse-json.ts';
import { isSignedBy } from './is-signed-by.ts';

// cosign's signature of an image: the bytes of a blob, and a signature over them in an annotation.
// https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md

export const signatureMediaType = 'application/vnd.dev.cosign.simplesigning.v1+json';

export const signatureAnnotation = 'dev.cosignproject.cosign/signature';

const type = 'cosign container image signature';

const payloadSchema = z.object({
  critical: z.object({
    image: z.object({ 'docker-manifest-digest': z.string() }),
    type: z.literal(type),
  }),
});

/** What is signed. */
export function makeSignedPayload(repository: string, digest: string): Uint8Array {
  const critical = {
    identity: { 'docker-reference': repository },
    image: { 'docker-manifest-digest': digest },
    type,
  };
  return new TextEncoder().encode(canonicalJson({ critical, optional: null }));
}

export interface ImageSignature {
  readonly layer: Descriptor;
  /** The digest that was signed; none where the payload is none of cosign's. */
  readonly digest: string | undefined;
  isSignedBy(publicKey: KeyObject): boolean;
}

export function parseSignature(layer: Descriptor, payload: Uint8Array): ImageSignature {
  const signature = Buffer.from(layer.annotations?.[signatureAnnotation] ?? '', 'base64');
  return {
    layer,
    digest: payloadSchema.safeParse(parseJson(payload)).data?.critical.image['docker-manifest-digest'],
    isSignedBy: (publicKey) => isSignedBy(publicKey, payload, signature),
  };
}
