/** How a command names its environment: ` staging`, and nothing for the one that it means by itself. */
export function atEnvironment(name: string): string {
  return name === 'local' ? '' : ` ${name}`;
}
