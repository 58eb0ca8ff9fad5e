import { corrupt } from '../corrupt.ts';
import { digestSchema } from '../oci.ts';
import type { Connection } from './connection.ts';
import type { Answer } from './exchange.ts';

/** Under which digest a registry says that it has something; one of another algorithm says nothing here. */
export function toldDigest({ headers }: Answer): string | undefined {
  return digestSchema.safeParse(headers.get('docker-content-digest')).data;
}

/** A registry that says under which digest it stored something must have got the same. */
export function refuseOtherDigest({ name }: Connection, digest: string, answer: Answer): void {
  const stored = toldDigest(answer);
  if (stored !== undefined && stored !== digest)
    throw corrupt(`${digest} in ${name}`, `was stored there as ${stored}`);
}
