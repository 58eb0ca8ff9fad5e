/** One way in that a registry offers in `WWW-Authenticate`. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const quoted = '"(?:[^"\\\\]|\\\\.)*"';
const parameter = `${token}\\s*=\\s*(?:${quoted}|${token})`;
const challengePattern = new RegExp(`(${token})(?:\\s+(${parameter}(?:\\s*,\\s*${parameter})*))?`, 'g');
const parameterPattern = new RegExp(`(${token})\\s*=\\s*(${quoted}|${token})`, 'g');

/** Reads the header as RFC 9110 §11.6.1 writes it; it may offer several ways. */
export function parseChallenges(header: string): readonly Challenge[] {
  return [...header.matchAll(challengePattern)].map(([, scheme = '', parameters = '']) => ({
    scheme: scheme.toLowerCase(),
    parameters: Object.fromEntries(
      [...parameters.matchAll(parameterPattern)].map(([, name = '', value = '']) => [
        name.toLowerCase(),
        unquoted(value),
      ]),
    ),
  }));
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value;
}
