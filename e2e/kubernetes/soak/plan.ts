import { seededRandom } from '../../../src/core/seeded-random.ts';

/** What may happen to a cluster while a release is rolled out in it. */
export const faultKinds = [
  'pod deleted',
  'pod deleted at once',
  'replica killed',
  'kubelet restarted',
  'API server away',
  'etcd restarted',
  'registry away',
  'command killed',
  'scheduler restarted',
  'controller manager restarted',
  'container runtime restarted',
  'agent deleted',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** Fixtures whose releases are bad, each in another way. */
export const badReleases = [
  'crash-at-start.ts',
  'errors-under-traffic.ts',
  'never-ready.ts',
  'crash-under-traffic.ts',
] as const;
export type Rolled = 'good' | 'rollback' | (typeof badReleases)[number];

export interface PlannedFault {
  readonly kind: FaultKind;
  /** Since its round began; one that is still to be mended goes first. */
  readonly afterMs: number;
  /** How long a part stays away. */
  readonly forMs: number;
  /** From 0 to 1: which of those that may be meant. */
  readonly pick: number;
}

export interface Round {
  readonly rolled: Rolled;
  readonly faults: readonly PlannedFault[];
}

export interface SoakSize {
  readonly rounds: number;
  readonly faultsPerRound: number;
}

/** The whole soak, as its seed has it: good releases and bad ones in turn, and each fault once before one comes again. */
export function planSoak(seed: number, { rounds, faultsPerRound }: SoakSize): readonly Round[] {
  const random = seededRandom(seed);
  const nextFault = bagOf(faultKinds, random);
  const nextBad = bagOf(badReleases, random);
  return Array.from({ length: rounds }, (_, index) => {
    const isRollback = index > 2 && random() < 0.25;
    const rolled = index % 2 === 1 ? nextBad() : isRollback ? 'rollback' : 'good';
    const faults = Array.from({ length: faultsPerRound }, () => planFault(nextFault(), random));
    return { rolled, faults: faults.toSorted((a, b) => a.afterMs - b.afterMs) };
  });
}

/** A rollout of a good release takes about so long. */
const rolloutMs = 14_000;
/** When those strike that have something to strike for a part of that alone: from, to. */
const momentsMs: Partial<Readonly<Record<FaultKind, readonly [number, number]>>> = {
  'registry away': [0, 2_500],
  'command killed': [500, 6_000],
  'agent deleted': [2_000, 6_000],
};

function planFault(kind: FaultKind, random: () => number): PlannedFault {
  const [from, to] = momentsMs[kind] ?? [0, rolloutMs];
  const [least, most] = awayMs[kind] ?? [0, 0];
  return {
    kind,
    afterMs: Math.round(from + random() * (to - from)),
    forMs: Math.round(least + random() * (most - least)),
    pick: random(),
  };
}

/** How long what stays away does so: at least, at most. The others are started again at once. */
const awayMs: Partial<Readonly<Record<FaultKind, readonly [number, number]>>> = {
  'kubelet restarted': [0, 4_000],
  'API server away': [1_000, 9_000],
  'registry away': [2_000, 8_000],
  'scheduler restarted': [0, 3_000],
};

/** Each once, in an order of the seed's, before any comes again. */
function bagOf<T>(all: readonly T[], random: () => number): () => T {
  let bag: T[] = [];
  return () => {
    if (bag.length === 0) bag = [...all];
    const [next] = bag.splice(Math.floor(random() * bag.length), 1);
    return next as T;
  };
}
