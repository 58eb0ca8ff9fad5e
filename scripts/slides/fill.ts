import { drawTakenBack } from './chart.ts';

export interface FillOptions {
  readonly numbers: Pick<ReadonlyMap<string, string>, 'get'>;
  /** The text of a picture, by its name. */
  readonly picture: (name: string) => string;
}

/** Puts numbers and pictures in the place of `{{names}}`. Throws where a name is unknown. */
export function fill(deck: string, { numbers, picture }: FillOptions): string {
  const number = (name: string) => {
    const found = numbers.get(name);
    if (found === undefined)
      throw new Error(`the slides name {{${name}}}, which scripts/slides/numbers.ts does not know`);
    return found;
  };
  return deck.replaceAll(/\{\{(.+?)\}\}/g, (_, name: string) => {
    if (name === 'chart taken back') return `<div class="picture">${drawTakenBack(number)}</div>`;
    const [, file] = /^picture (.+)$/.exec(name) ?? [];
    return file ? `<div class="picture">${oneLine(picture(file))}</div>` : number(name);
  });
}

/** An empty line or an indentation would end HTML in Markdown. */
function oneLine(svg: string): string {
  return svg.replaceAll(/\s*\n\s*/g, ' ').trim();
}
