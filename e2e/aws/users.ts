import type { Keys } from './signed.ts';

export interface User extends Keys {
  readonly account: string;
  readonly name: string;
  readonly arn: string;
}

export const account = '123456789012';
/** Where decoys live: nothing of the first may touch it. */
export const otherAccount = '210987654321';
export const region = 'us-east-1';

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string;
}

const everything: Statement = { Effect: 'Allow', Action: '*', Resource: '*' };

/** Services that a command reads of. */
const read = [
  'acm',
  'budgets',
  'cloudformation',
  'ec2',
  'ecr',
  'eks',
  'elasticloadbalancing',
  'iam',
  'logs',
  'pricing',
  'route53',
  'scheduler',
  'servicequotas',
  'tag',
];
const onlyReading: Statement = {
  Effect: 'Allow',
  Action: [
    'sts:GetCallerIdentity',
    'budgets:ViewBudget',
    ...read.flatMap((service) => ['Describe', 'Get', 'List'].map((verb) => `${service}:${verb}*`)),
  ],
  Resource: '*',
};

/** The people of the tests. `ann` is an admin of the cluster that the stacks' fixtures make; `eve` of none. */
export const users = {
  developer: user('ann', account),
  readOnly: user('roy', account),
  /** All rights in AWS, and no access entry. */
  stranger: user('eve', account),
  /** The stand-in for load balancing. */
  balancing: user('lou', account),
  /** All rights in another account. */
  elsewhere: user('oli', otherAccount),
} as const;

/** With what IAM lets them do, as the emulator takes them. */
export const usersWithRights = Object.values(users).map((who) => ({
  ...who,
  statements: [who === users.readOnly ? onlyReading : everything],
}));

function user(name: string, inAccount: string): User {
  return {
    account: inAccount,
    name,
    arn: `arn:aws:iam::${inAccount}:user/${name}`,
    accessKeyId: `AKIATEST${name.toUpperCase()}${inAccount.slice(0, 9)}`,
    secretAccessKey: `secret-of-${name}-in-the-tests-${inAccount}`,
  };
}
