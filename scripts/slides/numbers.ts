export interface NumberSource {
  /** The page that it stands on, relative to the repository. */
  readonly page: string;
  /** How the row of a table begins, without the first bar. */
  readonly row: string;
  /** What of the rest of that row it is: the first group. */
  readonly take: RegExp;
}

const kubernetes = 'docs/proof/kubernetes.md';
const local = 'docs/proof/local.md';
const firstTime = /([\d.]+ m?s)\b/;
const failedRequests = /(\d+ of \d+)/;

/** Every measured number of the slides, by the name that stands in the deck, and where it was published. */
export const numberSources: Readonly<Record<string, NumberSource>> = {
  lost: { page: kubernetes, row: 'lost over 30 rollouts', take: /\| (\d+) of [\d,]+/ },
  'lost of': { page: kubernetes, row: 'lost over 30 rollouts', take: /\| \d+ of ([\d,]+)/ },
  'lost of local': { page: local, row: 'lost over 20 rollouts', take: /\| 0 of ([\d,]+)/ },
  'rollback cluster': { page: kubernetes, row: '`rollback` → first answer', take: measured() },
  'rollback local': { page: local, row: '`rollback` → first answer', take: measured() },
  'change cluster': { page: kubernetes, row: 'change → new release answers', take: measured() },
  'image ours': { page: kubernetes, row: 'image missing | causeway', take: firstTime },
  'image helm': { page: kubernetes, row: 'image missing | helm, 60s', take: firstTime },
  'crash ours': { page: kubernetes, row: 'crash at start | causeway', take: firstTime },
  'crash helm': { page: kubernetes, row: 'crash at start | helm, 60s', take: firstTime },
  'memory ours': { page: kubernetes, row: 'out of memory | causeway', take: firstTime },
  'memory helm': { page: kubernetes, row: 'out of memory | helm, 60s', take: firstTime },
  'late ours': { page: kubernetes, row: 'crash after ready | causeway', take: firstTime },
  'late failed ours': { page: kubernetes, row: 'crash after ready | causeway', take: lastCell() },
  'late failed helm': { page: kubernetes, row: 'crash after ready | helm, 60s', take: lastCell() },
  'share ours': { page: kubernetes, row: 'a share of 500s | causeway', take: firstTime },
  'share failed helm': { page: kubernetes, row: 'a share of 500s | helm, 60s', take: lastCell() },
  'price hour': {
    page: 'docs/aws.md',
    row: 'the default environment, one node',
    take: /(\$[\d.]+)(?= an hour)/,
  },
};

/** The third cell, after what was to be reached. */
function measured(): RegExp {
  return /\|[^|]*\| ([\d.]+ m?s)\b/;
}

function lastCell(): RegExp {
  return new RegExp(`${failedRequests.source}(?=[^|]*\\|$)`);
}

/** The numbers as the pages have them now. Throws where one is not there any more. */
export function takeNumbers(
  read: (page: string) => string,
  sources: Readonly<Record<string, NumberSource>> = numberSources,
): ReadonlyMap<string, string> {
  return new Map(Object.entries(sources).map(([name, source]) => [name, take(name, source, read)]));
}

function take(name: string, { page, row, take }: NumberSource, read: (page: string) => string): string {
  const line = read(page)
    .split('\n')
    .find((text) => text.startsWith(`| ${row}`));
  const number = line && take.exec(line.slice(`| ${row}`.length))?.[1];
  if (!number)
    throw new Error(
      `the slides want “${name}”: ${page} has ${line ? `another form of “${row}”` : `no row “${row}”`}`,
    );
  return number;
}
