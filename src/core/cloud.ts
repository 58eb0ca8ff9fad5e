import type { Receipt, Registry } from './environment.ts';
import type { Finding } from './target.ts';

/** Whose account an environment lies in, and who asks. */
export interface CloudIdentity {
  readonly account: string;
  readonly region: string;
  /** The ARN of the caller, or what another cloud names its callers by. */
  readonly caller: string;
}

/** What would be done to one resource. */
export interface ResourceChange {
  /** The stack, or what another cloud calls a group of resources that is made together. */
  readonly stack: string;
  /** As the template names it: `Cluster`. */
  readonly resource: string;
  /** `AWS::EKS::Cluster`. */
  readonly type: string;
  readonly action: 'create' | 'update' | 'replace' | 'delete';
  /** The properties that differ, of an update or a replacement. */
  readonly fields: readonly string[];
  /** Whether it says who may do what. */
  readonly isAccess: boolean;
}

/** What is paid for each hour that an environment stands. */
export interface CostLine {
  readonly item: string;
  readonly count: number;
  /** USD an hour, of all of them. */
  readonly perHour: number;
}

/** What depends on how much it is used. */
export interface UsageCost {
  readonly item: string;
  /** USD. */
  readonly price: number;
  readonly unit: string;
}

export interface CloudPrice {
  readonly region: string;
  /** Whose prices these are, where the table lacks the region's own. */
  readonly pricesOf: string;
  /** `2026-11`. */
  readonly collectedIn: string;
  readonly fixed: readonly CostLine[];
  readonly usage: readonly UsageCost[];
  readonly free: readonly string[];
  /** USD, of the fixed lines together. */
  readonly perHour: number;
  readonly perDay: number;
  readonly perMonth: number;
}

/** The fixed lines over an environment's life, in USD; what depends on use comes on top. */
export type CloudOutlook =
  | {
      readonly kind: 'ends';
      readonly hours: number;
      /** Until it is gone, deleting it included. */
      readonly inAll: number;
      readonly atWorst: number;
      readonly exceedsBudget: boolean;
    }
  | {
      readonly kind: 'stays';
      readonly perMonth: number;
      readonly atWorst: number;
      /** How many whole days the month's budget lasts. */
      readonly budgetDays: number;
      readonly exceedsBudget: boolean;
    };

export interface CloudPlan {
  readonly identity: CloudIdentity;
  readonly changes: readonly ResourceChange[];
  readonly price: CloudPrice;
  readonly outlook: CloudOutlook;
  /** What the budget watches and whom it tells, in one line. */
  readonly budget: string;
  /** Whom its alarm tells; absent while that is nobody. */
  readonly budgetEmail?: string;
  /** How long it takes as a rule, in milliseconds; absent for what is done at once. */
  readonly usualMs?: number;
  /** When it would delete itself, in milliseconds since 1970; absent for a protected one. */
  readonly expiresAt?: number;
}

export interface CloudUpRequest {
  /** Whom the budget's alarm tells. Default: whom it tells already, or nobody. */
  readonly budgetEmail?: string;
  /** From now on, in milliseconds; instead of the config's. */
  readonly ttlMs?: number;
}

/** What is told while a cloud works. Never waits, as `Emit` does not. */
export type CloudEvent =
  | {
      readonly kind: 'resource';
      readonly stack: string;
      readonly resource: string;
      readonly type: string;
      /** `creating`, `created`, `updating`, `deleted`, `failed`, … */
      readonly state: string;
      readonly because?: string;
      /** How many resources of the stack are worked on, where that is known. */
      readonly total?: number;
    }
  /** A stack has come to rest. */
  | { readonly kind: 'settled'; readonly stack: string; readonly changed: number; readonly ms: number }
  /** Something else must end first, such as a stack that another command is making. */
  | { readonly kind: 'waiting'; readonly for: string }
  | { readonly kind: 'retrying'; readonly what: string; readonly because: string };

export type CloudEmit = (event: CloudEvent) => void;

export const cloudStates = ['absent', 'changing', 'made', 'broken', 'expired'] as const;

export interface CloudStatus {
  readonly identity: CloudIdentity;
  /**
   * `absent`: nothing is there. `changing`: a stack is being made, changed or deleted. `made`: it stands.
   * `broken`: a stack is in a state that needs mending. `expired`: its time to live is over, and nobody has verified
   * that all of it is gone.
   */
  readonly state: (typeof cloudStates)[number];
  /** Why it is broken or changing. */
  readonly because?: string;
  readonly madeAt?: number;
  readonly expiresAt?: number;
  /** USD since it was made, by the table. */
  readonly costSoFar?: number;
  readonly perHour?: number;
}

/** A resource that is not as its stack made it. */
export interface CloudDifference {
  /** `AWS::EC2::SecurityGroup ReplicaIngress`. */
  readonly resource: string;
  /** `FromPort`; absent where all of it is missing. */
  readonly field?: string;
  readonly wanted: unknown;
  readonly found: unknown;
}

export interface CloudReceiptItem {
  /** `load balancer`, `log group`, … */
  readonly category: string;
  readonly name: string;
  readonly isGone: boolean;
  /** USD a month while it is left; absent where it costs nothing or nobody knows. */
  readonly perMonth?: number;
  /** The command that removes it by hand. */
  readonly remove?: string;
  /** Why it is left, in the cloud's own words. */
  readonly because?: string;
}

/** The proof that nothing costs money any more. */
export interface CloudReceipt {
  readonly identity: CloudIdentity;
  readonly at: number;
  readonly items: readonly CloudReceiptItem[];
  /** What is left of the environment, in USD a month. */
  readonly perMonth: number;
  /** What is kept on purpose. */
  readonly kept: readonly string[];
  /** Categories that were asked again at the end, by which key: `log groups, by name`. */
  readonly asked: readonly string[];
  /** The file it was written to. */
  readonly file: string;
}

/**
 * An account that an environment's cluster, registry and load balancer are made in. `Access` is how the cluster is
 * reached: core knows of neither.
 */
export interface Cloud<Access> {
  /** Throws where there are no credentials, or they are another account's than the config's. */
  identify(signal: AbortSignal): Promise<CloudIdentity>;
  /** Changes nothing, and needs rights to read alone. */
  plan(request: CloudUpRequest, signal: AbortSignal): Promise<CloudPlan>;
  /**
   * Makes and changes what is missing, as it was planned last for the same request; goes on where an earlier one was left.
   * Resolves when all has settled.
   */
  up(request: CloudUpRequest, emit: CloudEmit, signal: AbortSignal): Promise<void>;
  /** The registry of an environment that `up` is making: it is there, and waited for, long before the cluster. */
  comingRegistry(signal: AbortSignal): Promise<Registry>;
  /** Throws `environment_missing` where there is no cluster. Loads nothing that only making needs. */
  connect(signal: AbortSignal): Promise<Access>;
  status(signal: AbortSignal): Promise<CloudStatus>;
  drift(signal: AbortSignal): Promise<readonly CloudDifference[]>;
  /** The templates by stack, with nothing left to fill in. */
  render(signal: AbortSignal): Promise<Readonly<Record<string, object>>>;
  /** What `down` would take away, as it is there now. */
  inventory(signal: AbortSignal): Promise<CloudReceipt>;
  /**
   * Takes everything away and asks again; from any half-made state. `clear` takes away what runs in the cluster, once what
   * there is was noted. Its receipt says what is left.
   */
  down(clear: () => Promise<void>, emit: CloudEmit, signal: AbortSignal): Promise<CloudReceipt>;
  doctor(signal: AbortSignal): Promise<readonly Finding[]>;
}

/** A receipt of a cloud as every target's receipt lists it. */
export function listItems({ items }: CloudReceipt): Receipt['items'] {
  return items.map(({ category, name, isGone }) => ({ what: `${category} ${name}`, isGone }));
}
