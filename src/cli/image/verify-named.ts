import { shortId } from '../../core/release.ts';
import type { TrustedKey } from '../../image/attest/keys.ts';
import { type Verification, verifyImage } from '../../image/attest/verify.ts';
import type { Io } from '../io.ts';
import type { Board } from '../terminal/board.ts';
import type { NamedImage } from './open-named.ts';

/** Verifies an image, told on the board as one step. */
export async function verifyNamed(
  { reader, digest, shown }: NamedImage,
  { trusted, board }: { readonly trusted: readonly TrustedKey[]; readonly board: Board },
  { signal }: Pick<Io, 'signal'>,
): Promise<Verification> {
  board.show('verify', shown);
  const verification = await verifyImage({ from: reader, digest, trusted, signal });
  const { claims, isGood } = verification;
  const held = claims.filter((claim) => claim.isGood).length;
  const text = `${shortId(digest)}  ${held} of ${claims.length} claims hold`;
  board.end({ label: 'verify', text, ...(isGood ? {} : { mood: 'bad' }) });
  return verification;
}
