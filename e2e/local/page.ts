/** A command that a page tells its reader to type, and what the page says that he will see. */
export interface Step {
  readonly command: string;
  readonly says: readonly string[];
}

/** The commands of a section of a Markdown page, in its order: the lines of its code blocks that begin with `$ `. */
export function stepsOf(markdown: string, section: string): readonly Step[] {
  const blocks = sectionOf(markdown, section).matchAll(/^```\n(.*?)^```$/gms);
  return [...blocks].flatMap(([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [command = '', ...says] = step.trimEnd().split('\n');
        return { command, says: says.filter((line) => line !== '') };
      }),
  );
}

/** What a person has on the screen at the end, of what a program has written to a terminal. */
export function screenOf(written: string): readonly string[] {
  return written
    .split('\n')
    .map((line) => lastDrawn(line.replace(/\r+$/, '').split('\r')))
    .filter((line) => line !== '');
}

/**
 * A line without what may differ from one machine and run to the next: ids, numbers with their plural, times, the name of
 * the branch, and the width of what stands between.
 */
export function shapeOf(line: string): string {
  return line
    .replace(/\S+@[0-9a-f]{7}\b/g, '<revision>')
    .replace(/\b[0-9a-f]{7,64}\b/g, '<id>')
    .replace(/\d[\d,.–]*(?: (?:ms|s|min)\b)/g, '<time>')
    .replace(/\d[\d,.]*/g, '<n>')
    .replace(/<n> (\w+?)s\b/g, '<n> $1')
    .replace(/\s+/g, ' ')
    .trim();
}

function sectionOf(markdown: string, section: string): string {
  const begin = markdown.indexOf(`\n## ${section}\n`);
  if (begin < 0) throw new Error(`the page has no section ${section}`);
  const end = markdown.indexOf('\n## ', begin + 1);
  return markdown.slice(begin, end < 0 ? undefined : end);
}

/** What is drawn over and over is told by its last drawing. */
function lastDrawn(drawings: readonly string[]): string {
  const texts = drawings.map((drawing) => Bun.stripANSI(drawing).trimEnd());
  return texts.findLast((text) => text !== '') ?? '';
}
