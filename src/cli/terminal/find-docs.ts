import { isAbsolute, relative } from 'node:path';

/** Where this installation's docs are, and where they are looked for from. */
export interface DocsPlace {
  /** The folder of the docs, an absolute path. */
  readonly docs: string;
  readonly cwd: string;
}

/** The text with the pages of the docs as paths that can be opened from the working folder. */
export function findDocs({ docs, cwd }: DocsPlace, text: string): string {
  const path = relative(cwd, docs);
  const isInside = path !== '..' && !path.startsWith('../') && !isAbsolute(path);
  const folder = isInside ? path : docs;
  return text.replaceAll(/(?<![^\s(`'"])docs\/(?=[a-z-]+\.md\b)/g, () => (folder === '' ? '' : `${folder}/`));
}
