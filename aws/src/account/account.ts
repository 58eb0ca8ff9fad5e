import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { ECRClient } from '@aws-sdk/client-ecr';
import type { EKSClient } from '@aws-sdk/client-eks';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import type { Route53Client } from '@aws-sdk/client-route-53';
import type { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import type { STSClient } from '@aws-sdk/client-sts';
import { UserError } from '../../../src/core/errors.ts';
import { explain } from './explain.ts';

/** Who signs a request. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The APIs of an account in a region, each loaded when it is first used. */
export interface Account {
  readonly region: string;
  credentials(): Promise<AwsCredentials>;
  /** Sends what `work` sends, and throws its refusal as an error that says how to mend it. `what` ends `could not …`. */
  ask<Answer>(what: string, work: () => Promise<Answer>): Promise<Answer>;
  cloudFormation(): Promise<CloudFormationClient>;
  ec2(): Promise<EC2Client>;
  ecr(): Promise<ECRClient>;
  eks(): Promise<EKSClient>;
  elasticLoadBalancing(): Promise<ElasticLoadBalancingV2Client>;
  iam(): Promise<IAMClient>;
  logs(): Promise<CloudWatchLogsClient>;
  route53(): Promise<Route53Client>;
  serviceQuotas(): Promise<ServiceQuotasClient>;
  sts(): Promise<STSClient>;
  tagging(): Promise<ResourceGroupsTaggingAPIClient>;
}

export interface OpenAccountOptions {
  /** The config's. Default: the caller's. */
  readonly region: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told of each request. */
  readonly trace: (line: string) => void;
}

/** How often the SDK sends a request again that was throttled or met a broken connection. */
const maxAttempts = 6;

/** The account that the caller's credentials are of, as the aws command would find them. */
export async function openAccount({ region: wanted, env, trace }: OpenAccountOptions): Promise<Account> {
  const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
  const region = wanted ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? (await regionOfProfile());
  const provide = fromNodeProviderChain({ clientConfig: { region } });
  const settings = {
    region,
    credentials: provide,
    maxAttempts,
    logger: { debug() {}, info: tell(trace), warn: trace, error() {} },
  };
  const opened = new Map<string, Promise<unknown>>();
  const once =
    <Client>(name: string, open: () => Promise<Client>) =>
    () => {
      const client = opened.get(name) ?? open();
      opened.set(name, client);
      return client as Promise<Client>;
    };
  const ask = async <Answer>(what: string, work: () => Promise<Answer>) => {
    try {
      return await work();
    } catch (error) {
      throw explain(error, { what, region });
    }
  };
  return {
    region,
    credentials: () => ask('find credentials', provide),
    ask,
    cloudFormation: once('cloudformation', async () => {
      const { CloudFormationClient } = await import('@aws-sdk/client-cloudformation');
      return new CloudFormationClient(settings);
    }),
    ec2: once('ec2', async () => {
      const { EC2Client } = await import('@aws-sdk/client-ec2');
      return new EC2Client(settings);
    }),
    ecr: once('ecr', async () => {
      const { ECRClient } = await import('@aws-sdk/client-ecr');
      return new ECRClient(settings);
    }),
    eks: once('eks', async () => {
      const { EKSClient } = await import('@aws-sdk/client-eks');
      return new EKSClient(settings);
    }),
    elasticLoadBalancing: once('elb', async () => {
      const { ElasticLoadBalancingV2Client } = await import('@aws-sdk/client-elastic-load-balancing-v2');
      return new ElasticLoadBalancingV2Client(settings);
    }),
    iam: once('iam', async () => {
      const { IAMClient } = await import('@aws-sdk/client-iam');
      return new IAMClient(settings);
    }),
    logs: once('logs', async () => {
      const { CloudWatchLogsClient } = await import('@aws-sdk/client-cloudwatch-logs');
      return new CloudWatchLogsClient(settings);
    }),
    route53: once('route53', async () => {
      const { Route53Client } = await import('@aws-sdk/client-route-53');
      return new Route53Client(settings);
    }),
    serviceQuotas: once('service-quotas', async () => {
      const { ServiceQuotasClient } = await import('@aws-sdk/client-service-quotas');
      return new ServiceQuotasClient(settings);
    }),
    sts: once('sts', async () => {
      const { STSClient } = await import('@aws-sdk/client-sts');
      return new STSClient(settings);
    }),
    tagging: once('tagging', async () => {
      const { ResourceGroupsTaggingAPIClient } = await import('@aws-sdk/client-resource-groups-tagging-api');
      return new ResourceGroupsTaggingAPIClient(settings);
    }),
  };
}

/** Of the profile in the shared config, as the SDK reads it. */
async function regionOfProfile(): Promise<string> {
  const { STSClient } = await import('@aws-sdk/client-sts');
  try {
    return await new STSClient({}).config.region();
  } catch (cause) {
    throw new UserError({
      code: 'cloud_region_missing',
      message: 'no region says where in AWS it lies',
      hint: "write region: 'eu-central-1' in the config, or export AWS_REGION",
      cause,
    });
  }
}

interface Told {
  readonly clientName?: string;
  readonly commandName?: string;
}

/** The SDK tells a command with its input and output, which is more than a line. */
function tell(trace: (line: string) => void): (entry: unknown) => void {
  return (entry) => {
    const { clientName = 'aws', commandName = '' } = (entry ?? {}) as Told;
    trace(`${clientName.replace(/Client$/, '')} ${commandName.replace(/Command$/, '')}`);
  };
}
