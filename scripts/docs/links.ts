import { dirname, join } from 'node:path/posix';

export interface LinksOptions {
  /** The Markdown of the repository, by path. */
  readonly pages: ReadonlyMap<string, string>;
  /** Whether a file or folder is there, by its path in the repository. */
  readonly isThere: (path: string) => boolean;
}

/** The links that lead nowhere, a line each: to a file or heading that is not there, or to no address of the Web. */
export function findDeadLinks({ pages, isThere }: LinksOptions): readonly string[] {
  const anchors = new Map([...pages].map(([path, text]) => [path, anchorsOf(text)] as const));
  return [...pages].flatMap(([path, text]) =>
    linksOf(text)
      .filter((link) => !leadsSomewhere(link, path))
      .map((link) => `${path}: ${link}`),
  );

  function leadsSomewhere(link: string, from: string): boolean {
    if (/^\w+:/.test(link)) return /^https:\/\/[\w-]+(\.[\w-]+)+(\/\S*)?$/.test(link) && URL.canParse(link);
    const [file = '', anchor] = link.split('#');
    const path = file === '' ? from : join(dirname(from), decodeURI(file));
    if (path.startsWith('..') || !isThere(path)) return false;
    return anchor === undefined || (anchors.get(path)?.has(anchor) ?? false);
  }
}

/** Links and pictures, but for those in code. */
function linksOf(text: string): readonly string[] {
  const prose = withoutCode(text).replaceAll(/(`+)(?:(?!\1).)+\1/g, '');
  return [...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)].map(([, link = '']) => link);
}

/** Each heading as GitHub names it; the second of the same name has -1. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutCode(text).matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const name = plain(heading)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = name;
    for (let n = 1; anchors.has(anchor); n += 1) anchor = `${name}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** A heading without its links’ addresses. */
function plain(heading: string): string {
  return heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
}

function withoutCode(text: string): string {
  return text.replaceAll(/^( *)(`{3,}|~{3,}).*?^\1\2 *$/gms, '');
}
