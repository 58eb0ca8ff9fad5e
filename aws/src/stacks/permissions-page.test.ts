import { beforeAll, expect, test } from 'bun:test';
import { deletingRights } from './delete-rights.ts';
import { EnvironmentStack } from './environment-stack.ts';
import { domain, environmentProps, guardProps, place, type Synthesized, synthesize } from './fixtures.ts';
import { GuardStack } from './guard-stack.ts';

const page = await Bun.file(new URL('../../../docs/aws-permissions.md', import.meta.url)).text();
const rows = new Map(
  [...page.matchAll(/^\| `(AWS::[^`]+)` \| (.+) \|$/gm)].map(([, type = '', actions = '']) => [
    type,
    actions,
  ]),
);

let made: Synthesized;
beforeAll(() => {
  made = synthesize({
    public: (scope) => new EnvironmentStack(scope, environmentProps({ domain })),
    private: (scope) => new EnvironmentStack(scope, environmentProps({ network: 'private' })),
    guard: (scope) => new GuardStack(scope, guardProps({ domain, budgetEmail: 'ops@example.com' })),
  });
}, 60_000);

test('docs/aws-permissions.md has a row for every type of the stacks, and for no other', () => {
  const types = Object.values(made.templates).flatMap(({ Resources }) =>
    Object.values(Resources).map(({ Type }) => Type),
  );

  expect([...rows.keys()].sort()).toEqual([...new Set(types)].sort());
});

test('its policy allows what the commands call, and what making and deleting the stacks takes', () => {
  const named = [...(page.split('## A policy')[0] ?? '').matchAll(/`([a-z0-9-]+:[A-Z]\w+)`/g)]
    .map(([, action = '']) => action)
    .filter((action) => !leftOut().has(action));
  const deleting = deletingRights({ ...place, domain }).flatMap(({ actions }) => actions);

  expect([...new Set([...named, ...deleting])].filter((action) => !isAllowed(action))).toEqual([]);
  expect(isAllowed('iam:CreateUser')).toBe(false);
});

/** Each with its reason, as lines of a list. */
function leftOut(): ReadonlySet<string> {
  const lines = page.split('\n').filter((line) => line.startsWith('- '));
  return new Set(lines.flatMap((line) => [...line.matchAll(/`([^`]+)`/g)].map(([, action = '']) => action)));
}

function isAllowed(action: string): boolean {
  const { Statement } = JSON.parse(/```json\n(.+?)```/s.exec(page)?.[1] ?? '') as {
    readonly Statement: readonly { readonly Action: string | readonly string[] }[];
  };
  return Statement.flatMap(({ Action }) => Action).some((allowed) =>
    allowed.endsWith('*') ? action.startsWith(allowed.slice(0, -1)) : action === allowed,
  );
}
