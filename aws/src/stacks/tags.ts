import { type Stack, Tags } from 'aws-cdk-lib';
import type { Place } from './names.ts';

/** By these a thing is known as ours, whatever it is called. */
export const tagKeys = {
  project: 'causeway:project',
  environment: 'causeway:environment',
  stack: 'causeway:stack',
} as const;

export function tagsOf({ project, environment }: Place, stack: string): Readonly<Record<string, string>> {
  return { [tagKeys.project]: project, [tagKeys.environment]: environment, [tagKeys.stack]: stack };
}

/** The stack's own tags, and those of everything in it that takes any. */
export function tagAll(stack: Stack, place: Place): void {
  for (const [key, value] of Object.entries(tagsOf(place, stack.stackName))) Tags.of(stack).add(key, value);
}
