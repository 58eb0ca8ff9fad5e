import type { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { accept } from './accept.ts';
import { arn, showArn } from './arn.ts';

export type Condition = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Right {
  readonly id: string;
  readonly actions: readonly string[];
  /** `'*'`, ends of ARNs, or a whole one that is known when the stack is made. */
  readonly on: '*' | readonly string[] | { readonly arn: string };
  readonly condition?: Condition;
  /** Why it is right that `on` holds a pattern. */
  readonly why?: string;
}

export interface RoleOptions {
  readonly id: string;
  /** All roles of an environment lie under one path, so that what deletes them can be held to it. */
  readonly path: string;
  readonly description: string;
  readonly trust: {
    readonly service: string;
    readonly actions?: readonly string[];
    readonly condition?: Condition;
  };
  /** Names of AWS' own policies. */
  readonly managed?: readonly string[];
  readonly policy?: { readonly name: string; readonly rights: readonly Right[] };
}

/** A role for one service of AWS. CloudFormation names it: a name of a role is unique in all regions of an account. */
export function makeRole(
  stack: Stack,
  { id, path, description, trust, managed = [], policy }: RoleOptions,
): iam.CfnRole {
  const role = new iam.CfnRole(stack, id, {
    path,
    description,
    assumeRolePolicyDocument: documentOf({
      Effect: 'Allow',
      Principal: { Service: trust.service },
      Action: trust.actions ?? ['sts:AssumeRole'],
      ...(trust.condition === undefined ? {} : { Condition: trust.condition }),
    }),
    ...(managed.length === 0 ? {} : { managedPolicyArns: managed.map((name) => arn(managedEnd(name))) }),
    ...(policy === undefined
      ? {}
      : {
          policies: [
            { policyName: policy.name, policyDocument: documentOf(...policy.rights.map(statementOf)) },
          ],
        }),
  });
  for (const name of managed)
    accept(role, { [`AwsSolutions-IAM4[Policy::${showArn(managedEnd(name))}]`]: managedReason });
  for (const right of policy?.rights ?? []) acceptPatterns(role, right);
  return role;
}

const managedReason = 'AWS writes this policy for EKS Auto Mode, and changes it as Auto Mode changes';

function managedEnd(name: string): string {
  return `iam::aws:policy/${name}`;
}

function documentOf(...statements: readonly object[]) {
  return { Version: '2012-10-17', Statement: statements };
}

function statementOf({ id, actions, on, condition }: Right): object {
  return {
    Sid: id,
    Effect: 'Allow',
    Action: actions,
    Resource: on === '*' ? on : 'arn' in on ? on.arn : on.map(arn),
    ...(condition === undefined ? {} : { Condition: condition }),
  };
}

function acceptPatterns(role: iam.CfnRole, { on, why }: Right): void {
  if (why === undefined || (on !== '*' && 'arn' in on)) return;
  const patterns = on === '*' ? [on] : on.filter((end) => end.includes('*')).map(showArn);
  accept(
    role,
    Object.fromEntries(patterns.map((pattern) => [`AwsSolutions-IAM5[Resource::${pattern}]`, why])),
  );
}
