import { type KeyObject, verify } from 'node:crypto';

/** Whether the signature (DER) is of these bytes and by this key; one that is no signature at all is not. */
export function isSignedBy(publicKey: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify('sha256', bytes, publicKey, signature);
  } catch {
    return false;
  }
}
