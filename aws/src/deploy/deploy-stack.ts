import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  type Change,
  ContinueUpdateRollbackCommand,
  CreateChangeSetCommand,
  DeleteChangeSetCommand,
  DescribeChangeSetCommand,
  type DescribeChangeSetCommandOutput,
  ExecuteChangeSetCommand,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import type { CloudEmit } from '../../../src/core/cloud.ts';
import { UserError } from '../../../src/core/errors.ts';
import { sha256 } from '../../../src/core/sha256.ts';
import type { Account } from '../account/account.ts';
import { isRefusal } from '../account/explain.ts';
import { deleteStack, showBlocked } from './delete-stack.ts';
import { firstCause } from './first-cause.ts';
import { followStack, isMoving, pause, readEvents, readStack, readTemplate, type Template } from './stack.ts';

export interface DeployStackOptions {
  readonly account: Account;
  readonly name: string;
  readonly template: Template;
  /** What stood when that was planned; undefined where nothing did. */
  readonly from: Template | undefined;
  /** Of the stack itself. */
  readonly tags: Readonly<Record<string, string>>;
  readonly emit: CloudEmit;
  readonly signal: AbortSignal;
}

/**
 * Makes a stack, or changes it to what the template says, from whatever state it is in: one whose making failed is taken
 * away first, and one that stands as it should is left. Resolves when it has come to rest: `overtaken` where somebody else
 * was at work on it, who was waited for, and after whom what is wanted may be something else. Throws `cloud_failed` with
 * the first cause.
 */
export async function deployStack(options: DeployStackOptions): Promise<'settled' | 'overtaken'> {
  const { account, name, template, from, emit, signal } = options;
  const startedAt = Date.now();
  const found = await readStack({ account, name, signal });
  if (found && isMoving(found)) return waitFor(options, found);
  const stack = found && (await prepareStack(options, found));
  const stands = stack !== undefined && stack.StackStatus !== 'REVIEW_IN_PROGRESS';
  const current = stands ? await readTemplate({ account, name, signal }) : undefined;
  const isSame = stands && isDeepStrictEqual(current, template);
  // Somebody else was done with it between the plan and now: what they made is planned with.
  if (stands && !isSame && !isDeepStrictEqual(current, from)) return 'overtaken';
  try {
    const changed = isSame ? 0 : await change(options, stack);
    emit({ kind: 'settled', stack: name, changed, ms: Date.now() - startedAt });
    return 'settled';
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'cloud_refused') throw error;
    // Between a look and an act somebody else began, or was done with it.
    const now = await readStack({ account, name, signal });
    if (now && isMoving(now)) return waitFor(options, now);
    if (isDeepStrictEqual(stateOf(now), stateOf(stack))) throw error;
    return 'overtaken';
  }
}

/** What differs once anything was done to it. */
function stateOf(stack: Stack | undefined): object {
  const { StackId, StackStatus, LastUpdatedTime } = stack ?? {};
  // A plan that was refused may have been the first thing of it.
  return StackStatus === undefined || StackStatus === 'REVIEW_IN_PROGRESS'
    ? {}
    : { StackId, StackStatus, LastUpdatedTime };
}

async function waitFor(options: DeployStackOptions, found: Stack): Promise<'overtaken'> {
  const { account, name, emit, signal } = options;
  emit({ kind: 'waiting', for: `the stack ${name}, which is ${wordsOf(found)}` });
  await followStack({ account, name, emit, signal, seen: await seenEvents(options) });
  return 'overtaken';
}

/** The stack in a state that can be changed; undefined where one is to be made. */
async function prepareStack(options: DeployStackOptions, stack: Stack): Promise<Stack | undefined> {
  const { account, name, emit, signal } = options;
  switch (stack.StackStatus) {
    case 'ROLLBACK_COMPLETE':
    case 'ROLLBACK_FAILED':
    case 'CREATE_FAILED':
    case 'DELETE_FAILED': {
      // Nothing was ever made to stand in it, or what stood is half taken away.
      const blocked = await deleteStack({ account, name, emit, signal });
      if (blocked.length > 0) throw failed(name, `it is ${wordsOf(stack)}, and ${showBlocked(blocked)}`);
      return undefined;
    }
    case 'UPDATE_ROLLBACK_FAILED':
      return goBack(options);
    case 'IMPORT_ROLLBACK_FAILED':
      throw new UserError({
        code: 'cloud_failed',
        message: `the stack ${name} is ${wordsOf(stack)}, and CloudFormation lets nobody change it`,
        hint: 'causeway down takes it away; then run the same command again',
      });
    case 'DELETE_COMPLETE':
      return undefined;
    default:
      return stack;
  }
}

async function goBack(options: DeployStackOptions): Promise<Stack | undefined> {
  const { account, name, emit, signal } = options;
  const client = await account.cloudFormation();
  const seen = await seenEvents(options);
  await account.ask(`end the way back of ${name}`, () =>
    client.send(new ContinueUpdateRollbackCommand({ StackName: name }), { abortSignal: signal }),
  );
  const { stack, events } = await followStack({ account, name, emit, signal, seen });
  if (stack?.StackStatus === 'UPDATE_ROLLBACK_COMPLETE') return stack;
  throw failed(name, firstCause(events) ?? 'no reason given');
}

/** How many resources were changed. */
async function change(options: DeployStackOptions, stack: Stack | undefined): Promise<number> {
  const { account, name, emit, signal } = options;
  const seen = stack === undefined ? new Set<string>() : await seenEvents(options);
  const set = await makeChangeSet(options, stack);
  const changes = set.Changes ?? [];
  if (set.Status === 'FAILED') {
    await removeChangeSet(options, set);
    if (isEmpty(set)) return 0;
    throw failed(name, set.StatusReason ?? 'no reason given');
  }
  await execute(options, set);
  const { stack: ended, events } = await followStack({
    account,
    name,
    emit,
    signal,
    seen,
    total: changes.length,
    isBegun: true,
  });
  if (['CREATE_COMPLETE', 'UPDATE_COMPLETE'].includes(ended?.StackStatus ?? '')) return changes.length;
  throw failed(name, firstCause(events) ?? ended?.StackStatusReason ?? 'it is gone');
}

interface ChangeSet
  extends Pick<DescribeChangeSetCommandOutput, 'Status' | 'StatusReason' | 'ExecutionStatus'> {
  readonly ChangeSetName: string;
  readonly Changes?: Change[];
}

/** The same wish for a stack that stands has the same name, so that one whose answer was lost is found again. */
async function makeChangeSet(options: DeployStackOptions, stack: Stack | undefined): Promise<ChangeSet> {
  const { account, name, template, tags, signal } = options;
  const client = await account.cloudFormation();
  const isNew = stack === undefined || stack.StackStatus === 'REVIEW_IN_PROGRESS';
  const body = JSON.stringify(template);
  // Of one that was made and taken away, AWS may still know the name.
  const from = stack ? `${stack.StackId} ${stack.LastUpdatedTime?.toISOString()}` : randomUUID();
  const hash = sha256(`${from} ${body}`).slice(0, 16);
  const ChangeSetName = `causeway-${hash}`;
  const wish = new CreateChangeSetCommand({
    StackName: name,
    ChangeSetName,
    ChangeSetType: isNew ? 'CREATE' : 'UPDATE',
    TemplateBody: body,
    Capabilities: ['CAPABILITY_NAMED_IAM'],
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    ClientToken: ChangeSetName,
  });
  try {
    await account.ask(`plan the stack ${name}`, () => client.send(wish, { abortSignal: signal }));
  } catch (error) {
    if (!isRefusal(error, /AlreadyExists/)) throw error;
  }
  for (;;) {
    const set = await account.ask(`read the plan of ${name}`, () =>
      client.send(new DescribeChangeSetCommand({ StackName: name, ChangeSetName }), { abortSignal: signal }),
    );
    if (set.Status !== 'CREATE_PENDING' && set.Status !== 'CREATE_IN_PROGRESS')
      return { ...set, ChangeSetName };
    await pause(500, signal);
  }
}

/** As CloudFormation says it of a change set that changes nothing. */
function isEmpty({ StatusReason = '' }: ChangeSet): boolean {
  return /didn't contain changes|No updates are to be performed/.test(StatusReason);
}

async function removeChangeSet(
  { account, name, signal }: DeployStackOptions,
  { ChangeSetName }: ChangeSet,
): Promise<void> {
  const client = await account.cloudFormation();
  await account.ask(`put the plan of ${name} away`, () =>
    client.send(new DeleteChangeSetCommand({ StackName: name, ChangeSetName }), { abortSignal: signal }),
  );
}

async function execute({ account, name, signal }: DeployStackOptions, set: ChangeSet): Promise<void> {
  const client = await account.cloudFormation();
  const { ChangeSetName } = set;
  // Another command, or an earlier attempt whose answer was lost, has begun with it.
  if (set.ExecutionStatus !== 'AVAILABLE') return;
  try {
    await account.ask(`carry the plan of ${name} out`, () =>
      client.send(
        new ExecuteChangeSetCommand({ StackName: name, ChangeSetName, ClientRequestToken: ChangeSetName }),
        {
          abortSignal: signal,
        },
      ),
    );
  } catch (error) {
    if (!isRefusal(error, /InvalidChangeSetStatus/)) throw error;
  }
}

async function seenEvents({ account, name, signal }: DeployStackOptions): Promise<Set<string>> {
  const events = await readEvents({ account, name, signal }, new Set());
  return new Set(events.map(({ EventId = '' }) => EventId));
}

function wordsOf({ StackStatus }: Stack): string {
  return String(StackStatus).toLowerCase().replaceAll('_', ' ');
}

function failed(name: string, cause: string): UserError {
  return new UserError({
    code: 'cloud_failed',
    message: `the stack ${name} could not be made as it should be: ${cause}`,
    hint: 'mend that, then run the same command again: it goes on from what there is',
  });
}
