import { type Provenance, revisionOf } from '../../image/attest/provenance.ts';

/** The commit that a provenance names: `4be21c0`, or `4be21c0 and changed files`; none where it names none. */
export function describeSource(provenance: Provenance | undefined): string | undefined {
  const revision = provenance && revisionOf(provenance);
  return revision && `${revision.commit.slice(0, 7)}${revision.isChanged ? ' and changed files' : ''}`;
}
