import { hexOf } from './digest.ts';

/** Where cosign keeps what belongs to an image: tags beside it. */
export function cosignTags(digest: string): { readonly signatures: string; readonly statements: string } {
  const name = `sha256-${hexOf(digest)}`;
  return { signatures: `${name}.sig`, statements: `${name}.att` };
}
