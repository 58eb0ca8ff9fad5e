/** A command line that does the same again, for a shell; words that were not given are left out. */
export function asTyped(command: string, words: readonly (string | false | undefined)[]): string {
  const given = words.filter((word) => typeof word === 'string');
  return [command, ...given.map(quoted)].join(' ');
}

/** A flag and its value, where it was given one. */
export function flag(name: string, value: string | undefined): readonly (string | undefined)[] {
  return value === undefined ? [] : [name, value];
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
