import { DescribeRepositoriesCommand, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';
import type { Registry } from '../../../src/core/environment.ts';
import type { Account } from '../account/account.ts';
import { isMissing } from '../account/explain.ts';
import { pause } from '../deploy/stack.ts';
import { namesOf, type Place } from '../stacks/names.ts';

export interface AwaitRegistryOptions {
  readonly account: Account;
  readonly place: Place;
  readonly signal: AbortSignal;
}

/** How often a repository is asked for that CloudFormation makes within the stack's first minute. */
const pollMs = 1_000;

/** The registry of an environment whose stack is being made; waits for its repository until the signal aborts. */
export async function awaitRegistry({ account, place, signal }: AwaitRegistryOptions): Promise<Registry> {
  const { repository: name } = namesOf(place);
  const client = await account.ecr();
  for (;;) {
    try {
      const { repositories = [] } = await account.ask(`read the repository ${name}`, () =>
        client.send(new DescribeRepositoriesCommand({ repositoryNames: [name] }), { abortSignal: signal }),
      );
      const uri = repositories[0]?.repositoryUri;
      if (uri !== undefined) return openRegistry(account, uri);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    await pause(pollMs, signal);
  }
}

/** A repository of ECR, entered by a token that ECR gives, which is kept as long as it is good for. */
export function openRegistry(account: Account, repository: string): Registry {
  return { repository, enter: enterWith(account, repository) };
}

function enterWith(account: Account, repository: string): Registry['enter'] {
  let held: { readonly password: string; readonly until: number } | undefined;
  return async (host, signal) => {
    if (host !== repository.slice(0, repository.indexOf('/'))) return undefined;
    if (held === undefined || held.until < Date.now() + 60_000) {
      const client = await account.ecr();
      const { authorizationData = [] } = await account.ask('enter the registry', () =>
        client.send(new GetAuthorizationTokenCommand({}), { abortSignal: signal }),
      );
      const [{ authorizationToken = '', expiresAt } = {}] = authorizationData;
      const password = Buffer.from(authorizationToken, 'base64').toString().replace(/^AWS:/, '');
      held = { password, until: expiresAt?.getTime() ?? Date.now() + 3_600_000 };
    }
    return { username: 'AWS', password: held.password };
  };
}
