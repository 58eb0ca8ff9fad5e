/** A package of the service, which is in the application layer. */
export interface Package {
  readonly type: 'npm' | 'pypi';
  readonly name: string;
  readonly version: string;
  /** As the package says it; an SPDX expression as a rule. */
  readonly license?: string;
  /** As the lockfile says it: `sha512-…`. */
  readonly integrity?: string;
}

/** Each once, in one order. */
export function sortPackages(packages: Iterable<Package>): readonly Package[] {
  const byName = new Map([...packages].map((found) => [nameOf(found), found]));
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, found]) => found);
}

function nameOf({ type, name, version }: Package): string {
  return `${type} ${name} ${version}`;
}
