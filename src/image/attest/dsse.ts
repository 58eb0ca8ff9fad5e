import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { parseJson } from '../parse-json.ts';
import { isSignedBy } from './is-signed-by.ts';
import type { SigningKey } from './keys.ts';
import { statementMediaType } from './statement.ts';

// Dead simple signing envelopes: https://github.com/secure-systems-lab/dsse

export const envelopeMediaType = 'application/vnd.dsse.envelope.v1+json';

const envelopeSchema = z.object({
  payloadType: z.literal(statementMediaType),
  payload: z.base64(),
  signatures: z.array(z.object({ sig: z.base64() })).min(1),
});
type ParsedEnvelope = z.infer<typeof envelopeSchema>;

/** A statement and the signatures over it. */
export interface Envelope {
  readonly payload: Uint8Array;
  isSignedBy(publicKey: KeyObject): boolean;
}

/**
 * No key id stands in it: it is a hint alone, and cosign would compare it with a fingerprint of its own kind and
 * leave out the signature.
 */
export function sealEnvelope(payload: Uint8Array, key: SigningKey): Uint8Array {
  const signature = key.sign(authenticated(payload));
  return new TextEncoder().encode(
    JSON.stringify({
      payloadType: statementMediaType,
      payload: Buffer.from(payload).toString('base64'),
      signatures: [{ keyid: '', sig: Buffer.from(signature).toString('base64') }],
    }),
  );
}

/** None where the bytes are no envelope around a statement. */
export function parseEnvelope(bytes: Uint8Array): Envelope | undefined {
  const parsed = envelopeSchema.safeParse(parseJson(bytes)).data;
  return parsed && toEnvelope(parsed);
}

function toEnvelope({ payload: encoded, signatures }: ParsedEnvelope): Envelope {
  const payload = new Uint8Array(Buffer.from(encoded, 'base64'));
  return {
    payload,
    isSignedBy: (publicKey) =>
      signatures.some(({ sig }) => isSignedBy(publicKey, authenticated(payload), Buffer.from(sig, 'base64'))),
  };
}

/** What is signed: the type belongs to it, so that a payload is never taken for another kind of thing. */
function authenticated(payload: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${statementMediaType.length} ${statementMediaType} ${payload.byteLength} `;
  return Buffer.concat([Buffer.from(head), payload]);
}
