import type { CloudIdentity, CloudUpRequest } from '../../../src/core/cloud.ts';
import type { Account } from '../account/account.ts';
import { readStack, readTemplate, type StackOptions, type Template } from '../deploy/stack.ts';
import { namesOf } from '../stacks/names.ts';
import type { Stands } from './made.ts';
import { type ResolvedProps, type ResolveOptions, resolveProps } from './resolve-props.ts';
import { synthesize, type Templates } from './synthesize.ts';

/** What an environment shall be, beside what it is. */
export interface Wish {
  readonly props: ResolvedProps;
  readonly wanted: Templates;
  readonly stands: Stands;
}

export type WishOptions = Omit<ResolveOptions, 'environment' | 'guard' | 'request'> & {
  readonly account: Account;
  readonly identity: CloudIdentity;
  readonly request?: CloudUpRequest;
};

export async function wishOf({ request = {}, ...options }: WishOptions): Promise<Wish> {
  const { account, place, signal } = options;
  const { stack, guardStack } = namesOf(place);
  const [environment, guard] = await Promise.all(
    [stack, guardStack].map((name) => readStanding({ account, name, signal })),
  );
  const stands = { environment, guard };
  const props = await resolveProps({ ...options, ...stands, request });
  return { props, stands, wanted: synthesize(props) };
}

/** The template of what stands, or is being made; one of which nothing stands, such as one that was rolled back, has none. */
async function readStanding(options: StackOptions): Promise<Template | undefined> {
  const [stack, template] = await Promise.all([readStack(options), readTemplate(options)]);
  return stack === undefined || nothingStands.test(stack.StackStatus ?? '') ? undefined : template;
}

const nothingStands = /^(CREATE_FAILED|REVIEW_IN_PROGRESS|(DELETE|ROLLBACK)_.*)$/;
