/** The text with `--image <image>` in each command that takes nothing else, in environments that are signed. */
export function nameImage(signed: ReadonlySet<string>, text: string): string {
  return text.replaceAll(command, (whole, verb: string, word?: string, image?: string) => {
    if (image !== undefined) return whole;
    if (word !== undefined && signed.has(word)) return `${verb} ${word} --image <image>`;
    // Without a name it is `local`, and the word belongs to the sentence.
    return signed.has('local') ? `${verb} --image <image>${word === undefined ? '' : ` ${word}`}` : whole;
  });
}

const command = /(?<![\w./-])(causeway (?:up|deploy|plan)\b)(?: ([a-z][\w-]*))?( --image\b)?/g;
