/**
 * Objects as YAML documents that every reader takes for what they are: what YAML 1.1 would read as a number or a truth
 * value, such as `1_000`, `12:30` or `yes`, is quoted, which `Bun.YAML.stringify` leaves to YAML 1.2.
 */
export function toYaml(objects: readonly object[]): string {
  return objects.map((object) => `---\n${linesOf(object).join('\n')}\n`).join('');
}

/** A value that takes lines of its own. */
function linesOf(value: object): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((entry) => behind('-', entry, '  '));
  return entriesOf(value).flatMap(([key, entry]) => {
    const indent = Array.isArray(entry) ? '' : '  ';
    const [first = '', ...rest] = behind('', entry, indent);
    const isBlock = first === '';
    return isBlock ? [`${scalar(key)}:`, ...rest] : [`${scalar(key)}: ${first}`];
  });
}

function entriesOf(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, entry]) => entry !== undefined);
}

/** An entry of a list begins on the line of its mark, that of a key on the next one. */
function behind(mark: '' | '-', entry: unknown, indent: string): readonly string[] {
  const short = inline(entry);
  if (short !== undefined) return [mark === '' ? short : `${mark} ${short}`];
  const lines = linesOf(entry as object);
  if (mark === '') return ['', ...lines.map((line) => indent + line)];
  return lines.map((line, index) => (index === 0 ? `${mark} ${line}` : indent + line));
}

function inline(value: unknown): string | undefined {
  if (typeof value === 'string') return scalar(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return value.length === 0 ? '[]' : undefined;
  return entriesOf(value).length === 0 ? '{}' : undefined;
}

/** Nothing that YAML 1.1 or 1.2 reads as anything but text: it begins with a letter and is none of their words. */
const plain = /^[A-Za-z/](?:[\w./@+=-]|:(?=\S)| (?=[\w./@+=-]))*$/;
const words = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

/** JSON's quotes are YAML's; nothing but ASCII is printed, whatever the terminal can show. */
function scalar(text: string): string {
  if (plain.test(text) && !words.test(text) && !text.endsWith(':')) return text;
  return JSON.stringify(text).replaceAll(/[^ -~]/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\U${code.padStart(8, '0')}` : `\\u${code.padStart(4, '0')}`;
  });
}
