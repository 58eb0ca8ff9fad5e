import { isDeepStrictEqual } from 'node:util';
import type { Cloud, CloudIdentity, CloudUpRequest } from '../../src/core/cloud.ts';
import type { AwsConfig } from '../../src/core/config.ts';
import { UserError } from '../../src/core/errors.ts';
import { wordsOf } from '../../src/core/words-of.ts';
import type { Reach } from '../../src/kubernetes/reach.ts';
import { type Account, openAccount } from './account/account.ts';
import { identify } from './account/identify.ts';
import type { Wish } from './plan/wish.ts';
import { namesOf, type Place } from './stacks/names.ts';

export interface OpenCloudOptions extends Place {
  readonly config: AwsConfig;
  readonly service: { readonly port: number; readonly readyPath: string };
  /** The user's, where receipts are kept. */
  readonly stateFolder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly trace: (line: string) => void;
}

/**
 * An environment's part in AWS. What makes stacks is loaded by `plan`, `up` and `render` alone, so that the other
 * commands answer sooner.
 */
export function openCloud(options: OpenCloudOptions): Cloud<Reach> {
  return new AwsCloud(options);
}

class AwsCloud implements Cloud<Reach> {
  readonly #options: OpenCloudOptions;
  #planned: { readonly request: CloudUpRequest; readonly wish: Wish } | undefined;
  #opened: Promise<{ readonly account: Account; readonly identity: CloudIdentity }> | undefined;

  constructor(options: OpenCloudOptions) {
    this.#options = options;
  }

  async identify(signal: AbortSignal) {
    const { identity } = await this.#open(signal);
    return identity;
  }

  async plan(request: Parameters<Cloud<Reach>['plan']>[0], signal: AbortSignal) {
    const [{ planUp }, { wishOf }] = await Promise.all([import('./plan/plan.ts'), import('./plan/wish.ts')]);
    const about = await this.#about(signal);
    const wish = await wishOf({ ...about, request });
    if (wish.stands.environment === undefined) {
      const { refuseObstacles } = await import('./plan/preflight.ts');
      const { kubernetesVersion } = wish.props.environment;
      await refuseObstacles({ ...about, kubernetesVersion });
    } else {
      const { refuseGaps } = await import('./plan/refuse-gaps.ts');
      await refuseGaps(about);
    }
    this.#planned = { request, wish };
    return planUp(wish, about);
  }

  async up(...[request, emit, signal]: Parameters<Cloud<Reach>['up']>) {
    const [{ wishOf }, { deployStack }, { tagsOf }] = await Promise.all([
      import('./plan/wish.ts'),
      import('./deploy/deploy-stack.ts'),
      import('./stacks/tags.ts'),
    ]);
    const about = await this.#about(signal);
    const { account, place } = about;
    const { stack, guardStack } = namesOf(place);
    const deploy = (name: string, { wanted, stands }: Wish, part: keyof Wish['wanted']) =>
      deployStack({
        account,
        name,
        template: wanted[part],
        from: stands[part],
        tags: tagsOf(place, name),
        emit,
        signal,
      });
    // What was planned, priced and agreed to is what is made.
    const isPlanned = isDeepStrictEqual(this.#planned?.request, request);
    let planned = isPlanned ? this.#planned?.wish : undefined;
    for (;;) {
      const wish = planned ?? (await wishOf({ ...about, request }));
      // What ends it is there before it is.
      const isSettled =
        (await deploy(guardStack, wish, 'guard')) === 'settled' &&
        (await deploy(stack, wish, 'environment')) === 'settled';
      if (isSettled) return;
      // Somebody else has made something meanwhile, such as an entry for themselves, which is kept.
      planned = undefined;
    }
  }

  async comingRegistry(signal: AbortSignal) {
    const { awaitRegistry } = await import('./connect/registry.ts');
    return awaitRegistry(await this.#about(signal));
  }

  async connect(signal: AbortSignal): Promise<Reach> {
    const { connect } = await import('./connect/connect.ts');
    return connect(await this.#about(signal));
  }

  async status(signal: AbortSignal) {
    const { readCloudStatus } = await import('./status.ts');
    return readCloudStatus(await this.#about(signal));
  }

  async drift(signal: AbortSignal) {
    const { findDrift } = await import('./drift.ts');
    return findDrift(await this.#about(signal));
  }

  async render(signal: AbortSignal) {
    const { wishOf } = await import('./plan/wish.ts');
    const about = await this.#about(signal);
    const { wanted } = await wishOf(about);
    const { stack, guardStack } = namesOf(about.place);
    return { [guardStack]: wanted.guard, [stack]: wanted.environment };
  }

  async inventory(signal: AbortSignal) {
    const { listAll } = await import('./down/down.ts');
    return listAll(await this.#about(signal));
  }

  async down(...[clear, emit, signal]: Parameters<Cloud<Reach>['down']>) {
    const { takeAway } = await import('./down/down.ts');
    const { stateFolder } = this.#options;
    return takeAway({ ...(await this.#about(signal)), stateFolder, clear, emit });
  }

  async doctor(signal: AbortSignal) {
    try {
      const { account, region, caller } = await this.identify(signal);
      return [
        { isProblem: false, message: `AWS knows you: ${caller}, account ${account}, ${region}`, hint: '' },
      ];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return [{ isProblem: true, message: error.message, hint: error.hint }];
    }
  }

  async #about(signal: AbortSignal) {
    const { project, environment, config, service } = this.#options;
    const place = { project, environment };
    const opened = await this.#open(signal);
    return { ...opened, place, config, service, now: Date.now(), findAddress, signal };
  }

  /** Once: who calls does not change within a command. */
  #open(signal: AbortSignal) {
    this.#opened ??= this.#identify(signal).catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #identify(signal: AbortSignal) {
    const { config, env, trace } = this.#options;
    const account = await openAccount({ region: config.region, env, trace });
    return { account, identity: await identify(account, config.account, signal) };
  }
}

/** What AWS sees of this machine: https://checkip.amazonaws.com */
async function findAddress(signal: AbortSignal): Promise<string> {
  const url = 'https://checkip.amazonaws.com';
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]) });
    const address = (await answer.text()).trim();
    if (answer.ok && /^\d+(\.\d+){3}$/.test(address)) return address;
    throw new Error(`it answered ${answer.status}`);
  } catch (cause) {
    signal.throwIfAborted();
    throw new UserError({
      code: 'environment_unreachable',
      message: `${url} did not say from which address you come: ${wordsOf(cause)}`,
      hint: "write allowApiFrom: ['203.0.113.7/32'] in the config: who may reach the cluster's API server",
      cause,
    });
  }
}
