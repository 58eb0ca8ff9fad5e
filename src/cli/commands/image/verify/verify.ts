import { UserError } from '../../../../core/errors.ts';
import { shortId } from '../../../../core/release.ts';
import { readTrusted } from '../../../../image/attest/keys.ts';
import { type Provenance, revisionOf, testedOf } from '../../../../image/attest/provenance.ts';
import type { Claim, Verification } from '../../../../image/attest/verify.ts';
import type { Cli, Result } from '../../../cli.ts';
import { openNamed } from '../../../image/open-named.ts';
import { tellImage } from '../../../image/tell-image.ts';
import { traceRequests } from '../../../image/traced-fetch.ts';
import { verifyNamed } from '../../../image/verify-named.ts';
import type { ImageVerifyResult } from '../../../json.ts';
import { loadConfig } from '../../../load-config.ts';
import { Board } from '../../../terminal/board.ts';
import { printable } from '../../../terminal/printable.ts';
import type { Style } from '../../../terminal/style.ts';

/** Checks all that is said of an image, by the keys that the config trusts. */
export async function verify(cli: Cli, text: string): Promise<Result> {
  const { io } = cli;
  const board = new Board(io, cli.err);
  try {
    board.show('verify', text);
    const { config, folder } = await loadConfig(cli);
    const trusted = await readTrusted(config.image.trust, folder);
    const { emit } = tellImage(board, 'verify');
    const named = await openNamed(text, { emit, ...traceRequests(cli, board), needsDigest: true }, io);
    const verification = await verifyNamed(named, { trusted, board }, io);
    return resultOf(named.shown, verification, cli.out);
  } finally {
    board.close();
  }
}

function resultOf(
  name: string,
  { digest, isGood, claims, signers, provenance }: Verification,
  style: Style,
): Result {
  const json: ImageVerifyResult = {
    name,
    image: digest,
    isGood,
    claims: claims.map((claim) => ({ ...claim })),
    signers: signers.map(({ id }) => id),
    ...(provenance ? { provenance: factsOf(provenance) } : {}),
  };
  const lines = claims.map((claim) => showClaim(claim, style));
  return isGood ? { json, lines } : { json, lines, error: unverified(digest, claims) };
}

function factsOf(provenance: Provenance): ImageVerifyResult['provenance'] {
  const tested = testedOf(provenance);
  return { isChanged: false, ...revisionOf(provenance), isTested: tested !== undefined, ...tested };
}

const widest = 'provenance'.length;

function showClaim({ name, isGood, says }: Claim, { good, bad }: Style): string {
  return `${isGood ? good('✓') : bad('✗')} ${name.padEnd(widest)}  ${printable(says)}`;
}

function unverified(digest: string, claims: readonly Claim[]): UserError {
  const wrong = claims.filter(({ isGood }) => !isGood).map(({ name }) => name);
  return new UserError({
    code: 'image_unverified',
    message: `${shortId(digest)} is not what it should be: ${wrong.join(', ')}`,
    hint: 'each ✗ above says why; causeway image push makes it anew, signed with a key of image.trust',
  });
}
