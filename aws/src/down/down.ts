import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CloudEmit, CloudIdentity, CloudReceipt, CloudReceiptItem } from '../../../src/core/cloud.ts';
import { UserError } from '../../../src/core/errors.ts';
import { wordsOf } from '../../../src/core/words-of.ts';
import type { Account } from '../account/account.ts';
import { type Blocked, deleteStack, showBlocked } from '../deploy/delete-stack.ts';
import { namesOf, type Place } from '../stacks/names.ts';
import { type Found, type Inventory, isVpc, takeInventory } from './inventory.ts';
import { removeLeftovers, removeLogGroup } from './leftovers.ts';

export interface ListOptions {
  readonly account: Account;
  readonly identity: CloudIdentity;
  readonly place: Place;
  readonly signal: AbortSignal;
}

export interface TakeAwayOptions extends ListOptions {
  /** The user's, in which receipts are kept. */
  readonly stateFolder: string;
  /** Takes away what runs in the cluster, and what its controllers made. */
  readonly clear: () => Promise<void>;
  readonly emit: CloudEmit;
}

/** What there is of an environment, and what it costs a month; takes nothing away. */
export async function listAll(options: ListOptions): Promise<CloudReceipt> {
  return receiptOf(options, [], await takeInventory(options), '');
}

/**
 * Takes everything away, in an order in which nothing is left that only the one before it could have taken away: what runs
 * in the cluster, the environment's stack, what it leaves, the log group last, for EKS writes to it until the end, then the
 * guard. Each category is asked for once more, and the receipt says what is left.
 */
export async function takeAway(options: TakeAwayOptions): Promise<CloudReceipt> {
  const { account, place, clear, emit, signal } = options;
  const { stack, guardStack } = namesOf(place);
  const before = await takeInventory(options);
  const vpcs = before.found.filter(isVpc).map(({ name }) => name);
  const file = fileOf(options);
  await write(file, receiptOf(options, before.found, before, file));
  if (before.found.some(({ category }) => category === 'cluster')) await clear();
  let blocked = await deleteStack({ account, name: stack, emit, signal });
  if (blocked.length > 0) {
    emit({ kind: 'retrying', what: `the stack ${stack}`, because: showBlocked(blocked) });
    await removeLeftovers({ ...options, vpcs });
    blocked = await deleteStack({ account, name: stack, emit, signal });
  }
  if (blocked.length === 0) {
    await removeLeftovers({ ...options, vpcs });
    await removeLogGroup(options);
    const guarded = await deleteStack({ account, name: guardStack, emit, signal });
    blocked = guarded;
  }
  const after = await takeInventory({ ...options, vpcs });
  const receipt = receiptOf(options, before.found, after, file, blocked);
  await write(file, receipt);
  return receipt;
}

function receiptOf(
  { identity }: ListOptions,
  before: readonly Found[],
  { found: left, asked }: Inventory,
  file: string,
  blocked: readonly Blocked[] = [],
): CloudReceipt {
  const isLeft = new Set(left.map(({ id }) => id));
  const gone = before.filter(({ id }) => !isLeft.has(id));
  const because = blocked.length === 0 ? {} : { because: showBlocked(blocked) };
  return {
    identity,
    at: Date.now(),
    items: [
      ...gone.map((found) => toItem(found, true)),
      ...left.map((found) => ({ ...toItem(found, false), ...(found.category === 'stack' ? because : {}) })),
    ],
    perMonth: left.reduce((sum, { perMonth = 0 }) => sum + perMonth, 0),
    kept: [],
    asked,
    file,
  };
}

function toItem({ id: _, ...found }: Found, isGone: boolean): CloudReceiptItem {
  if (!isGone) return { ...found, isGone };
  const { category, name } = found;
  return { category, name, isGone };
}

function fileOf({ stateFolder, place, identity }: TakeAwayOptions): string {
  const { project, environment } = place;
  const at = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  const name = `${project}-${environment}-${identity.account}-${identity.region}-${at}Z.json`;
  return join(stateFolder, 'receipts', name);
}

async function write(file: string, receipt: CloudReceipt): Promise<void> {
  try {
    await mkdir(join(file, '..'), { recursive: true, mode: 0o700 });
    await writeFile(`${file}.new`, `${JSON.stringify(receipt, undefined, 2)}\n`, { mode: 0o600 });
    await rename(`${file}.new`, file);
  } catch (cause) {
    throw new UserError({
      code: 'state_not_writable',
      message: `cannot write the receipt ${file}: ${wordsOf(cause)}`,
      hint: 'mend that, or keep receipts elsewhere: export XDG_STATE_HOME=<folder>',
      cause,
    });
  }
}
