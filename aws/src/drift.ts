import {
  DescribeStackDriftDetectionStatusCommand,
  DescribeStackResourceDriftsCommand,
  DetectStackDriftCommand,
  type StackResourceDrift,
} from '@aws-sdk/client-cloudformation';
import type { CloudDifference } from '../../src/core/cloud.ts';
import type { Account } from './account/account.ts';
import { isMissing } from './account/explain.ts';
import { pause } from './deploy/stack.ts';
import { namesOf, type Place } from './stacks/names.ts';

export interface FindDriftOptions {
  readonly account: Account;
  readonly place: Place;
  readonly signal: AbortSignal;
}

/** What CloudFormation finds changed in the resources of both stacks since it made them. */
export async function findDrift(options: FindDriftOptions): Promise<readonly CloudDifference[]> {
  const { stack, guardStack } = namesOf(options.place);
  const found = await Promise.all([stack, guardStack].map((name) => driftOf(options, name)));
  return found.flat();
}

async function driftOf(
  { account, signal }: FindDriftOptions,
  name: string,
): Promise<readonly CloudDifference[]> {
  const client = await account.cloudFormation();
  const ask = <Answer>(work: () => Promise<Answer>) => account.ask(`look at the resources of ${name}`, work);
  let id: string | undefined;
  try {
    ({ StackDriftDetectionId: id } = await ask(() =>
      client.send(new DetectStackDriftCommand({ StackName: name }), { abortSignal: signal }),
    ));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
  for (;;) {
    const { DetectionStatus } = await ask(() =>
      client.send(new DescribeStackDriftDetectionStatusCommand({ StackDriftDetectionId: id }), {
        abortSignal: signal,
      }),
    );
    if (DetectionStatus !== 'DETECTION_IN_PROGRESS') break;
    await pause(1_000, signal);
  }
  const drifts: StackResourceDrift[] = [];
  let token: string | undefined;
  do {
    const page = await ask(() =>
      client.send(
        new DescribeStackResourceDriftsCommand({
          StackName: name,
          StackResourceDriftStatusFilters: ['MODIFIED', 'DELETED'],
          ...(token === undefined ? {} : { NextToken: token }),
        }),
        { abortSignal: signal },
      ),
    );
    drifts.push(...(page.StackResourceDrifts ?? []));
    token = page.NextToken;
  } while (token !== undefined);
  return drifts.flatMap(differencesOf);
}

function differencesOf(drift: StackResourceDrift): readonly CloudDifference[] {
  const { ResourceType, LogicalResourceId, StackResourceDriftStatus, PropertyDifferences = [] } = drift;
  const resource = `${ResourceType} ${LogicalResourceId}`;
  if (StackResourceDriftStatus === 'DELETED') return [{ resource, wanted: 'there', found: undefined }];
  return PropertyDifferences.map(({ PropertyPath = '', ExpectedValue, ActualValue }) => ({
    resource,
    field: PropertyPath.replace(/^\//, '').replaceAll('/', '.'),
    wanted: ExpectedValue,
    found: ActualValue,
  }));
}
