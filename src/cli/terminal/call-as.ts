/** The text with its commands as they are called here: `./causeway up` for `causeway up`. */
export function callAs(command: string, text: string): string {
  const word = /^[\w./~@:+-]+$/.test(command) ? command : `'${command.replaceAll("'", `'\\''`)}'`;
  return text.replaceAll(/(?<![^\s(`'"])causeway(?= [a-z-])/g, () => word);
}
