import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Findings of a check that are meant to be so, by their id, each with the reason. */
export function accept(construct: IConstruct, reasons: Readonly<Record<string, string>>): void {
  const rules = Object.entries(reasons).map(([id, reason]) => ({ id, reason }));
  Validations.of(construct).acknowledge(...rules);
}

/** The id of a finding of our own rules. */
export function ownRule(name: string): string {
  return `CloudFormation-Validate::${name}`;
}
