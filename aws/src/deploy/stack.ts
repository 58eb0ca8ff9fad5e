import {
  type CloudFormationClient,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  GetTemplateCommand,
  type Stack,
  type StackEvent,
} from '@aws-sdk/client-cloudformation';
import type { CloudEmit } from '../../../src/core/cloud.ts';
import { UnreachableError } from '../../../src/core/errors.ts';
import type { Account } from '../account/account.ts';
import { isMissing } from '../account/explain.ts';

/** A template as JSON, as far as anything here looks into it. */
export interface Template {
  readonly Resources?: Readonly<Record<string, { readonly Type: string; readonly Properties?: Properties }>>;
}

// biome-ignore lint/suspicious/noExplicitAny: a template is JSON of a hundred shapes
type Properties = Readonly<Record<string, any>>;

export interface StackOptions {
  readonly account: Account;
  /** Its name, or of one that is gone its id. */
  readonly name: string;
  readonly signal: AbortSignal;
}

/** The stack as it is now; undefined where there is none. */
export async function readStack({ account, name, signal }: StackOptions): Promise<Stack | undefined> {
  const client = await account.cloudFormation();
  try {
    const { Stacks = [] } = await account.ask(`read the stack ${name}`, () =>
      client.send(new DescribeStacksCommand({ StackName: name }), { abortSignal: signal }),
    );
    return Stacks[0];
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** What the stack was made from last; undefined where there is none. */
export async function readTemplate({ account, name, signal }: StackOptions): Promise<Template | undefined> {
  const client = await account.cloudFormation();
  try {
    const { TemplateBody } = await account.ask(`read the template of ${name}`, () =>
      client.send(new GetTemplateCommand({ StackName: name, TemplateStage: 'Original' }), {
        abortSignal: signal,
      }),
    );
    return TemplateBody === undefined ? undefined : (JSON.parse(TemplateBody) as Template);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** What the stack tells, by name. */
export function outputsOf(stack: Stack): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (stack.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
  );
}

/** Whether something is being done to it; one that was only reviewed is at rest. */
export function isMoving({ StackStatus }: Stack): boolean {
  return StackStatus?.endsWith('_IN_PROGRESS') === true && StackStatus !== 'REVIEW_IN_PROGRESS';
}

/** Whether all of it stands, as it was made or as a change that failed has left it. */
export function isWhole({ StackStatus }: Stack): boolean {
  return /^(CREATE|(UPDATE|IMPORT)(_ROLLBACK)?)_COMPLETE$/.test(StackStatus ?? '');
}

export interface FollowOptions extends StackOptions {
  readonly emit: CloudEmit;
  /** The ids of events from before. */
  readonly seen: Set<string>;
  /** How many resources are worked on, where that is known. */
  readonly total?: number;
  /** Something was begun just now, and a stack that seems at rest may not know of it yet. */
  readonly isBegun?: boolean;
}

/** How long a stack may take to say that it has begun. */
const unawareMs = 20_000;

const pollMs = { first: 500, later: 3_000, laterAfter: 20_000 } as const;

/**
 * Tells what happens to a stack until it comes to rest; the stack then, and the events since `seen`, oldest first. Where
 * AWS does not answer meanwhile it is asked again: nothing is lost by that, for the stack goes on by itself.
 */
export async function followStack(
  options: FollowOptions,
): Promise<{ readonly stack: Stack | undefined; readonly events: readonly StackEvent[] }> {
  const { signal, emit } = options;
  const startedAt = Date.now();
  const events: StackEvent[] = [];
  for (;;) {
    try {
      const stack = await readStack(options);
      events.push(...(stack ? await newEvents(options) : []));
      const mayBegin = options.isBegun === true && events.length === 0 && Date.now() - startedAt < unawareMs;
      if (!mayBegin && (!stack || !isMoving(stack))) return { stack, events };
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      emit({ kind: 'retrying', what: options.name, because: error.message });
    }
    await pause(Date.now() - startedAt > pollMs.laterAfter ? pollMs.later : pollMs.first, signal);
  }
}

async function newEvents(options: FollowOptions): Promise<readonly StackEvent[]> {
  const { name, seen, emit, total } = options;
  const found = (await readEvents(options, seen)).toReversed();
  for (const event of found) {
    seen.add(event.EventId ?? '');
    if (event.LogicalResourceId === undefined || event.PhysicalResourceId === event.StackId) continue;
    emit({
      kind: 'resource',
      stack: name,
      resource: event.LogicalResourceId,
      type: event.ResourceType ?? '',
      state: stateOf(event.ResourceStatus ?? ''),
      ...(event.ResourceStatusReason === undefined ? {} : { because: event.ResourceStatusReason }),
      ...(total === undefined ? {} : { total }),
    });
  }
  return found;
}

/** Newest first, those that were not seen yet. */
export async function readEvents(
  { account, name, signal }: StackOptions,
  seen: ReadonlySet<string>,
): Promise<readonly StackEvent[]> {
  const client: CloudFormationClient = await account.cloudFormation();
  const events: StackEvent[] = [];
  let token: string | undefined;
  do {
    const { StackEvents = [], NextToken } = await account.ask(`read the events of ${name}`, () =>
      client.send(
        new DescribeStackEventsCommand({
          StackName: name,
          ...(token === undefined ? {} : { NextToken: token }),
        }),
        { abortSignal: signal },
      ),
    );
    const fresh = StackEvents.filter(({ EventId = '' }) => !seen.has(EventId));
    events.push(...fresh);
    token = fresh.length === StackEvents.length ? NextToken : undefined;
  } while (token !== undefined);
  return events;
}

/** `CREATE_IN_PROGRESS`: creating; `CREATE_COMPLETE`: created. */
function stateOf(status: string): string {
  const [, verb = '', end = ''] = /^(CREATE|UPDATE|DELETE|ROLLBACK|UPDATE_ROLLBACK)_(.*)$/.exec(status) ?? [];
  const stem = ({ CREATE: 'creat', UPDATE: 'updat', DELETE: 'delet' } as Record<string, string>)[verb];
  if (end === 'FAILED') return 'failed';
  if (stem === undefined) return status.toLowerCase().replaceAll('_', ' ');
  return end === 'COMPLETE' ? `${stem}ed` : `${stem}ing`;
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
