import { spellOut } from './terminal/printable.ts';

/** A document of `--json`, whole in one line: readers of a stream of them need no other parser. */
export function toJsonLine(document: object): string {
  return spellOut(JSON.stringify(document));
}
