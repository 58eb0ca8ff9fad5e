import type { ILease } from 'kubernetes-models/coordination.k8s.io/v1';
import { showMs } from '../../core/duration.ts';
import { UnreachableError, UserError } from '../../core/errors.ts';
import type { Holder } from '../../core/target.ts';
import type { Api } from '../api/api.ts';
import { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { labels, namesOf, ownLabels, type Place } from '../manifests/names.ts';
import { HeldLease } from './held-lease.ts';
import {
  giveUpAnnotation,
  hasDied,
  holderOf,
  type LeaseHolder,
  makeIdentity,
  purposeAnnotation,
} from './lease-holder.ts';

export interface LeaseOptions {
  readonly api: Api;
  readonly place: Place;
  readonly signal: AbortSignal;
}

export interface TakeLeaseOptions extends LeaseOptions {
  readonly holder: Holder;
  readonly trace?: (line: string) => void;
  /** How often it is renewed, and looked at while another holds it. */
  readonly renewMs?: number;
  readonly lookMs?: number;
  /** How long it must stand still until it may be taken from another. */
  readonly staleMs?: number;
}

const usualRenewMs = 2_000;
const usualLookMs = 500;
const usualStaleMs = 15_000;

/**
 * Takes the lock of an environment and renews it until it is released. Throws `rollout_running` where another holds it
 * and is alive: that is seen by its renewals on this clock alone, so that clocks may differ. One that stands still is
 * taken over.
 */
export async function takeLease(options: TakeLeaseOptions): Promise<HeldLease> {
  const { api, place, holder, signal, trace = () => undefined } = options;
  const identity = makeIdentity(holder);
  for (;;) {
    const found = await api.get(kinds.lease, namesOf(place).state, signal);
    const other = found && holderOf(found);
    if (found && other) {
      if (await isRenewed(options, found, other)) throw runningError(place, other);
      trace(`the lock is taken from ${other.identity}, which does not renew it`);
    }
    const lease = await write(options, found, identity);
    if (lease)
      return new HeldLease({ api, place, identity, lease, trace, renewMs: options.renewMs ?? usualRenewMs });
  }
}

/**
 * Asks whoever holds the lock to take its rollout out. False: nobody holds it, or who did is gone; the lock is then to be
 * taken.
 */
export async function askToGiveUp(
  options: LeaseOptions & Pick<TakeLeaseOptions, 'lookMs' | 'staleMs'> & { readonly reason: string },
): Promise<boolean> {
  const { api, place, signal, reason } = options;
  const found = await api.get(kinds.lease, namesOf(place).state, signal);
  const other = found && holderOf(found);
  if (!found || !other || hasDied(other)) return false;
  try {
    await api.patch(
      kinds.lease,
      namesOf(place).state,
      [
        { op: 'test', path: '/spec/holderIdentity', value: other.identity },
        { op: 'add', path: `/metadata/annotations/${giveUpAnnotation.replace('/', '~1')}`, value: reason },
      ],
      { signal },
    );
  } catch (error) {
    if (error instanceof ApiRefusal && [404, 409, 422].includes(error.status)) return true;
    throw error;
  }
  return isRenewed(options, found, other);
}

/** What `down` holds the lock for. */
export const downPurpose = 'down';

/**
 * Throws `rollout_running` while another takes the environment away: what is made meanwhile would be left over. What a
 * `down` that has died left behind keeps nobody from anything.
 */
export async function refuseWhileDown(
  options: LeaseOptions & Pick<TakeLeaseOptions, 'lookMs' | 'staleMs'>,
): Promise<void> {
  const { api, place, signal } = options;
  const found = await api.get(kinds.lease, namesOf(place).state, signal);
  const other = found && holderOf(found);
  if (!found || !other || other.purpose !== downPurpose) return;
  if (await isRenewed(options, found, other)) throw runningError(place, other);
}

/** Who holds the lock; undefined: nobody, or one of this machine that is gone. */
export async function whoHolds({ api, place, signal }: LeaseOptions): Promise<LeaseHolder | undefined> {
  const found = await api.get(kinds.lease, namesOf(place).state, signal);
  const holder = found && holderOf(found);
  return holder && !hasDied(holder) ? holder : undefined;
}

/** Whether somebody holds the lock and is alive. */
export async function isHeld(
  options: LeaseOptions & Pick<TakeLeaseOptions, 'lookMs' | 'staleMs'>,
): Promise<boolean> {
  const { api, place, signal } = options;
  const found = await api.get(kinds.lease, namesOf(place).state, signal);
  const holder = found && holderOf(found);
  return found !== undefined && holder !== undefined && isRenewed(options, found, holder);
}

/** Whether the holder gives a sign of life; while the API is away nobody can, so that counts for nothing. */
async function isRenewed(
  { api, place, signal, lookMs = usualLookMs, staleMs }: Omit<TakeLeaseOptions, 'holder'>,
  found: ILease,
  holder: LeaseHolder,
): Promise<boolean> {
  const patienceMs = staleMs ?? (found.spec?.leaseDurationSeconds ?? usualStaleMs / 1_000) * 1_000;
  let since = performance.now();
  while (performance.now() - since < patienceMs) {
    if (hasDied(holder)) return false;
    const before = performance.now();
    await Bun.sleep(lookMs);
    signal.throwIfAborted();
    try {
      const now = await api.get(kinds.lease, namesOf(place).state, signal);
      if (!now?.spec?.holderIdentity) return false;
      if (now.spec.holderIdentity !== holder.identity || now.spec.renewTime !== found.spec?.renewTime)
        return true;
      // Whatever held this look up held the holder up as well.
      if (performance.now() - before > lookMs + patienceMs / 3) since = performance.now();
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      since = performance.now();
    }
  }
  return false;
}

/** Undefined: somebody was faster. */
async function write(
  { api, place, holder, signal, staleMs = usualStaleMs }: TakeLeaseOptions,
  found: ILease | undefined,
  identity: string,
): Promise<ILease | undefined> {
  const now = new Date().toISOString().replace('Z', '000Z');
  const lease: ILease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name: namesOf(place).state,
      labels: { ...ownLabels(place), [labels.component]: 'state' },
      annotations: { [purposeAnnotation]: holder.purpose },
      ...(found?.metadata?.resourceVersion ? { resourceVersion: found.metadata.resourceVersion } : {}),
    },
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.round(staleMs / 1_000)),
      acquireTime: now,
      renewTime: now,
      leaseTransitions: (found?.spec?.leaseTransitions ?? 0) + 1,
    },
  };
  try {
    return await (found ? api.replace(lease, { signal }) : api.create(lease, { signal }));
  } catch (error) {
    // Another took it, or `down` took it away.
    const isGone = error instanceof ApiRefusal && found !== undefined && error.status === 404;
    if (isGone || (error instanceof ApiRefusal && error.status === 409)) return undefined;
    throw error;
  }
}

function runningError({ environment }: Place, { by, host, purpose, heldMs }: LeaseHolder): UserError {
  const where = host === '' ? '' : ` on ${host}`;
  return new UserError({
    code: 'rollout_running',
    message: `${purpose} by ${by}${where} is under way on ${environment} for ${showMs(heldMs)}`,
    hint:
      purpose === downPurpose
        ? `wait until it has ended; causeway up ${environment} then makes it anew`
        : `causeway status ${environment} --watch, or take it out: causeway rollback ${environment}`,
  });
}
