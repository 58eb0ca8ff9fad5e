import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { ILease } from 'kubernetes-models/coordination.k8s.io/v1';
import { sha256 } from '../../core/sha256.ts';
import type { Holder } from '../../core/target.ts';

/** Who holds a Lease, and for how long. */
export interface LeaseHolder extends Holder {
  readonly identity: string;
  /** The machine or pod, and the process there. */
  readonly host: string;
  readonly pid: number;
  /** In which the process has that number: another machine of the same name, or a container, has another. */
  readonly space: string;
  /** Up to its last renewal, both by the holder's own clock, which may be minutes off. */
  readonly heldMs: number;
}

export const purposeAnnotation = 'causeway.dev/purpose';
/** Holds the reason for which the holder is asked to take its rollout out. */
export const giveUpAnnotation = 'causeway.dev/give-up';

export function makeIdentity({ by }: Holder): string {
  return `${by}@${hostname()}/${process.pid}/${processSpace}/${crypto.randomUUID().slice(0, 8)}`;
}

/** Undefined: nobody holds it, as it was given back. */
export function holderOf({ metadata, spec }: ILease): LeaseHolder | undefined {
  const identity = spec?.holderIdentity;
  if (!identity) return undefined;
  const [, by = identity, host = '', pid = '0', space = ''] =
    /^(.*)@([^@/]*)\/(\d+)\/(?:([^/]*)\/)?[^/]*$/s.exec(identity) ?? [];
  return {
    identity,
    by,
    host,
    pid: Number(pid),
    space,
    purpose: metadata?.annotations?.[purposeAnnotation] ?? 'a rollout',
    heldMs: Date.parse(spec?.renewTime ?? '') - Date.parse(spec?.acquireTime ?? '') || 0,
  };
}

/** Whether it was a process of this machine that is gone: then nobody needs to wait. */
export function hasDied({ host, pid, space }: LeaseHolder): boolean {
  return host === hostname() && space === processSpace && !isAlive(pid);
}

/** Since the machine's start, and within its container; where the system does not tell, of this process alone. */
const processSpace = findProcessSpace();

function findProcessSpace(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    return sha256(`${boot} ${readlinkSync('/proc/self/ns/pid')}`).slice(0, 8);
  } catch {
    return crypto.randomUUID().slice(0, 8);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
