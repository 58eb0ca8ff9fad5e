import { until } from '../local/project.ts';
import { type Account, AwsError } from './account.ts';

export interface StackEvent {
  readonly resource: string;
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly at: string;
}

export interface Ended {
  /** `CREATE_COMPLETE`; `GONE` where there is no such stack. */
  readonly status: string;
  readonly outputs: Readonly<Record<string, string>>;
}

/** Sends a template by a change set, as the product does, and waits for its end. Resolves whatever that is. */
export async function deployStack(account: Account, name: string, template: string): Promise<Ended> {
  await beginStack(account, name, template);
  return settle(account, name);
}

/** The same without waiting. Throws where there is nothing to change. */
export async function beginStack(account: Account, name: string, template: string): Promise<void> {
  const now = (await describeStack(account, name)).status;
  const set = { StackName: name, ChangeSetName: `set-${crypto.randomUUID()}` };
  await account.query('cloudformation', 'CreateChangeSet', {
    ...set,
    ChangeSetType: ['GONE', 'REVIEW_IN_PROGRESS'].includes(now) ? 'CREATE' : 'UPDATE',
    TemplateBody: template,
    'Capabilities.member.1': 'CAPABILITY_NAMED_IAM',
  });
  await until('the change set is made', async () => {
    const text = await account.query('cloudformation', 'DescribeChangeSet', set);
    const status = field(text, 'Status');
    if (status === 'FAILED') throw new Error(field(text, 'StatusReason'));
    return status === 'CREATE_COMPLETE';
  });
  await account.query('cloudformation', 'ExecuteChangeSet', set);
}

export async function deleteStack(account: Account, name: string): Promise<Ended> {
  await account.query('cloudformation', 'DeleteStack', { StackName: name });
  return settle(account, name);
}

/** Waits until nothing works on it any more. */
export async function settle(account: Account, name: string, { withinMs = 30_000 } = {}): Promise<Ended> {
  let ended = await describeStack(account, name);
  await until(
    `${name} has settled`,
    async () => {
      ended = await describeStack(account, name);
      return !ended.status.endsWith('_IN_PROGRESS');
    },
    { withinMs },
  );
  return ended;
}

export async function describeStack(account: Account, name: string): Promise<Ended> {
  try {
    const text = await account.query('cloudformation', 'DescribeStacks', { StackName: name });
    const outputs = [...text.matchAll(/<OutputKey>([^<]*)<\/OutputKey><OutputValue>([^<]*)<\/OutputValue>/g)];
    return {
      status: field(text, 'StackStatus'),
      outputs: Object.fromEntries(outputs.map(([, key = '', value = '']) => [key, value])),
    };
  } catch (error) {
    if (error instanceof AwsError && error.message.includes('does not exist'))
      return { status: 'GONE', outputs: {} };
    throw error;
  }
}

/** The oldest first. */
export async function eventsOf(account: Account, name: string): Promise<readonly StackEvent[]> {
  const text = await account.query('cloudformation', 'DescribeStackEvents', { StackName: name });
  return [...text.matchAll(/<member>(.*?)<\/member>/gs)]
    .map(([, event = '']) => ({
      resource: field(event, 'LogicalResourceId'),
      type: field(event, 'ResourceType'),
      status: field(event, 'ResourceStatus'),
      reason: field(event, 'ResourceStatusReason'),
      at: field(event, 'Timestamp'),
    }))
    .toSorted((a, b) => a.at.localeCompare(b.at));
}

export interface Drift {
  readonly resource: string;
  readonly status: string;
  readonly paths: readonly string[];
}

/** What differs from its template, of those resources that CloudFormation can tell of. */
export async function driftOf(account: Account, name: string): Promise<readonly Drift[]> {
  const begun = await account.query('cloudformation', 'DetectStackDrift', { StackName: name });
  const id = { StackDriftDetectionId: field(begun, 'StackDriftDetectionId') };
  await until('drift is detected', async () => {
    const text = await account.query('cloudformation', 'DescribeStackDriftDetectionStatus', id);
    return field(text, 'DetectionStatus') === 'DETECTION_COMPLETE';
  });
  const text = await account.query('cloudformation', 'DescribeStackResourceDrifts', { StackName: name });
  return text
    .split('<LogicalResourceId>')
    .slice(1)
    .map((part) => ({
      resource: part.slice(0, part.indexOf('<')),
      status: field(part, 'StackResourceDriftStatus'),
      paths: [...part.matchAll(/<PropertyPath>([^<]*)</g)].map(([, path = '']) => path),
    }));
}

/** The first of this name in an answer. */
export function field(text: string, name: string): string {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? '';
  return found
    .replaceAll('&quot;', '"')
    .replaceAll('&#x27;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&amp;', '&');
}
