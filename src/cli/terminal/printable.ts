export interface PrintableOptions {
  /** Line breaks and tabs stay. */
  readonly keepsLines?: boolean;
  /** Colours stay, and end with the text. */
  readonly keepsColours?: boolean;
}

/**
 * A text of somebody else's, as a terminal may be given it: colours are left out, and every other character
 * that a terminal would act on is made visible, written as in JSON.
 */
export function printable(
  text: string,
  { keepsLines = false, keepsColours = false }: PrintableOptions = {},
): string {
  const spell = keepsLines ? spellLines : spellOut;
  const ended = text.replaceAll(/\r(?=\n|$)/g, '');
  const parts = (keepsLines ? ended : ended.replaceAll('\t', ' ')).split(colour);
  const shown = parts.map((part, at) => (at % 2 === 0 ? spell(part) : keepsColours ? part : ''));
  return shown.join('') + (keepsColours && parts.length > 1 ? noColour : '');
}

/** What acts on a terminal, or turns what stands beside it round, as its JSON escape. */
export function spellOut(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
      .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

function spellLines(text: string): string {
  return text.replaceAll(/[^\n\t]+/g, spellOut);
}

const noColour = '\x1b[0m';
/** In a group of its own, so that a text is split into what stands between colours, and the colours. */
const colour = new RegExp(`(${String.fromCharCode(27)}\\[[0-9;:]*m)`);
