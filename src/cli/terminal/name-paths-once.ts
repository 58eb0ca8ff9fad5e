import { basename } from 'node:path';

/** A path that a text names a second time stands there as its last part: the system's messages repeat what was called. */
export function namePathsOnce(text: string): string {
  const named = new Set<string>();
  return text.replaceAll(/(?<![^\s'"`(])\/[^\s'"`:;,()/]+\/[^\s'"`:;,()]+/g, (path) => {
    if (named.has(path)) return basename(path);
    named.add(path);
    return path;
  });
}
