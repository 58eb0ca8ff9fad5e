import { ListHostedZonesByNameCommand } from '@aws-sdk/client-route-53';
import type { CloudIdentity, CloudUpRequest } from '../../../src/core/cloud.ts';
import type { AwsConfig } from '../../../src/core/config.ts';
import { toMs } from '../../../src/core/duration.ts';
import { UserError } from '../../../src/core/errors.ts';
import type { Account } from '../account/account.ts';
import { principalOf } from '../account/identify.ts';
import type { Template } from '../deploy/stack.ts';
import { kubernetesVersion } from '../stacks/cluster.ts';
import type { EnvironmentProps } from '../stacks/environment-stack.ts';
import type { GuardProps } from '../stacks/guard-stack.ts';
import type { Domain } from '../stacks/load-balancer.ts';
import type { Place } from '../stacks/names.ts';
import { readMade } from './made.ts';

export interface ResolveOptions {
  readonly account: Account;
  readonly identity: CloudIdentity;
  readonly place: Place;
  readonly config: AwsConfig;
  readonly service: EnvironmentProps['service'];
  /** What stands, by its template; undefined where nothing does. */
  readonly environment: Template | undefined;
  readonly guard: Template | undefined;
  readonly request: CloudUpRequest;
  readonly now: number;
  /** The caller's public address; asked for where the config names none. */
  readonly findAddress: (signal: AbortSignal) => Promise<string>;
  readonly signal: AbortSignal;
}

export interface ResolvedProps {
  readonly environment: EnvironmentProps;
  readonly guard: GuardProps;
}

/** The stacks as the config wants them, with what the account alone can tell; what stands keeps what it was made with. */
export async function resolveProps(options: ResolveOptions): Promise<ResolvedProps> {
  const { place, config, service, now, request } = options;
  const made = readMade(options);
  const [domain, principal, allowApiFrom] = await Promise.all([
    findDomain(options),
    principalOf(options.account, options.identity, options.signal),
    config.allowApiFrom ?? ownAddress(options),
  ]);
  const zones = made.zones ?? config.zones;
  const admins = [...new Set([...made.admins, ...config.admins, principal])].sort();
  const budgetEmail = request.budgetEmail ?? made.budgetEmail;
  const expiresAt = expiryOf(options, made.expiresAt);
  refusePast(expiresAt, now);
  const named = domain === undefined ? {} : { domain };
  return {
    environment: {
      ...place,
      ...named,
      network: config.network,
      kubernetesVersion: made.kubernetesVersion ?? kubernetesVersion,
      allowApiFrom,
      admins,
      service,
      ...(zones === undefined ? {} : { zones }),
    },
    guard: {
      ...place,
      ...named,
      budget: config.budget,
      ...(budgetEmail === undefined ? {} : { budgetEmail }),
      ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }),
    },
  };
}

/** Counted from when it is made, or anew when that is asked for; in whole seconds, as a schedule has them. */
function expiryOf(
  { config, request, environment, now }: ResolveOptions,
  made: number | undefined,
): number | undefined {
  if (config.protected) return undefined;
  const inMs = (ms: number) => Math.ceil((now + ms) / 1_000) * 1_000;
  if (request.ttlMs !== undefined) return inMs(request.ttlMs);
  const stands = environment !== undefined && made !== undefined && made > now;
  return stands ? made : inMs(toMs(config.ttl));
}

/** A schedule in the past would never fire. */
function refusePast(expiresAt: number | undefined, now: number): void {
  if (expiresAt === undefined || expiresAt - now >= leastMs) return;
  throw new UserError({
    code: 'usage_wrong',
    message: 'a time to live of less than a minute is over before anything is made',
    hint: "write --ttl 4h, or ttl: '8h' in the config",
  });
}

const leastMs = 60_000;

async function ownAddress({ findAddress, signal }: ResolveOptions): Promise<readonly string[]> {
  return [`${await findAddress(signal)}/32`];
}

/** The hosted zone of the account that a domain lies in; without one its certificate would be waited for without end. */
async function findDomain({ account, config, signal }: ResolveOptions): Promise<Domain | undefined> {
  const { domain: name } = config;
  if (name === undefined) return undefined;
  const client = await account.route53();
  const labels = name.split('.');
  const candidates = labels.slice(0, -1).map((_, index) => labels.slice(index).join('.'));
  for (const zone of candidates) {
    const { HostedZones = [] } = await account.ask('list the hosted zones', () =>
      client.send(new ListHostedZonesByNameCommand({ DNSName: zone, MaxItems: 1 }), { abortSignal: signal }),
    );
    const found = HostedZones.find((one) => one.Name === `${zone}.` && one.Config?.PrivateZone !== true);
    if (found?.Id) return { name, hostedZoneId: found.Id.replace(/^\/hostedzone\//, '') };
  }
  throw new UserError({
    code: 'cloud_refused',
    message: `the account has no public hosted zone for ${name}`,
    hint: `make one for ${candidates.at(-1)} in Route 53 and point the registrar to it, or leave domain out`,
  });
}
