import { Fn } from 'aws-cdk-lib';

/** An ARN in whichever partition the stack is made; `${AWS::Region}` and `${AWS::AccountId}` may stand in it. */
export function arn(end: string): string {
  return Fn.sub(inPartition(end));
}

/** The same as checks print it. */
export function showArn(end: string): string {
  return inPartition(end).replace(/\$\{([^}]+)\}/g, '<$1>');
}

function inPartition(end: string): string {
  return `arn:\${AWS::Partition}:${end}`;
}
