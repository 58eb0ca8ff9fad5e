import { type Keys, signed } from './signed.ts';

export interface Account {
  readonly id: string;
  readonly region: string;
  /** A service that speaks forms and XML: CloudFormation, EC2, IAM, load balancing. The text of its answer. */
  readonly query: (service: QueryService, action: string, fields?: Fields) => Promise<string>;
  /** A service that speaks JSON and names the action in a header: Logs, ECR, Budgets, tagging. */
  readonly json: <Answer>(target: string, body?: object) => Promise<Answer>;
  /** A service of paths: EKS, Scheduler. */
  readonly rest: <Answer>(service: string, method: string, path: string, body?: object) => Promise<Answer>;
  /** A hosted zone of Route 53; its id. */
  readonly makeZone: (name: string) => Promise<string>;
}

/** Members of lists and of objects are named as the forms name them: `Tags.member.1.Key`. */
export type Fields = Readonly<Record<string, string>>;

/** What AWS refused, by its code. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status: number) {
    super(`${code}: ${message}`);
    this.code = code;
    this.status = status;
  }
}

const versions = {
  cloudformation: '2010-05-15',
  ec2: '2016-11-15',
  elasticloadbalancing: '2015-12-01',
  iam: '2010-05-08',
  sts: '2011-06-15',
} as const;
type QueryService = keyof typeof versions;

/** By what its targets begin with, the name that a service is signed for. */
const jsonServices: Readonly<Record<string, string>> = {
  Logs_20140328: 'logs',
  AmazonEC2ContainerRegistry_V20150921: 'ecr',
  AWSBudgetServiceGateway: 'budgets',
  ResourceGroupsTaggingAPI_20170126: 'tagging',
  ServiceQuotasV20190624: 'servicequotas',
};

export interface AccountOptions {
  readonly url: string;
  readonly keys: Keys;
  readonly account: string;
  readonly region: string;
}

/** The APIs of the emulator as one user, called with nothing of the product. */
export function openAccount({ url, keys, account, region }: AccountOptions): Account {
  async function send(
    path: string,
    options: Omit<Parameters<typeof signed>[1], 'keys' | 'region'>,
  ): Promise<string> {
    const answer = await fetch(signed(`${url}${path}`, { ...options, keys, region }));
    const text = await answer.text();
    if (!answer.ok) throw errorOf(text, answer.status);
    return text;
  }

  return {
    id: account,
    region,
    query: (service, action, fields = {}) =>
      send('/', {
        service,
        headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
        body: new URLSearchParams({ Action: action, Version: versions[service], ...fields }).toString(),
      }),
    async json<Answer>(target: string, body: object = {}) {
      const [family = ''] = target.split('.');
      const service = jsonServices[family];
      if (service === undefined) throw new Error(`no service is known by ${family}`);
      const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target };
      return JSON.parse(await send('/', { service, headers, body: JSON.stringify(body) })) as Answer;
    },
    async rest<Answer>(service: string, method: string, path: string, body?: object) {
      const headers = { 'content-type': 'application/json' };
      const text = body === undefined ? '' : JSON.stringify(body);
      return JSON.parse(await send(path, { service, method, headers, body: text })) as Answer;
    },
    async makeZone(name) {
      const body = `<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>${name}</Name><CallerReference>${crypto.randomUUID()}</CallerReference></CreateHostedZoneRequest>`;
      const headers = { 'content-type': 'application/xml' };
      const made = await send('/2013-04-01/hostedzone', { service: 'route53', headers, body });
      return /<Id>\/hostedzone\/([^<]*)</.exec(made)?.[1] ?? '';
    },
  };
}

/** Whether AWS says it in XML or in JSON. */
function errorOf(text: string, status: number): AwsError {
  const inXml = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  if (text.startsWith('<')) return new AwsError(inXml('Code') ?? '?', inXml('Message') ?? text, status);
  try {
    const { __type = '?', message, Message } = JSON.parse(text);
    return new AwsError(__type.split('#').pop(), message ?? Message ?? text, status);
  } catch {
    return new AwsError('?', text, status);
  }
}
