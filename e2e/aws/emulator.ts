import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findFreePort } from '../../src/local/free-port.ts';
import { withTests } from '../images/run-program.ts';
import { until } from '../local/project.ts';
import { type Account, openAccount } from './account.ts';
import { findPython } from './python.ts';
import type { Keys } from './signed.ts';
import { account, region, type User, usersWithRights } from './users.ts';

/** By service and kind, what is there: `{ 'ec2.vpcs': ['vpc-0…'] }`. */
export type Census = Readonly<Record<string, readonly string[]>>;

export interface Place {
  readonly account: string;
  readonly region: string;
}

/** How often a rule holds: once unless it says so, null for ever. */
interface Times {
  readonly times?: number | null;
}

/** What becomes of a request. */
export interface RequestFault extends Times {
  /** As IAM names it, `cloudformation:CreateChangeSet`; or `*`. */
  readonly action: string;
  /** A text that its path or body must hold. */
  readonly contains?: string;
  /** Seconds that the answer takes longer. */
  readonly delay?: number;
  /** The connection is lost: before AWS did anything, or only the answer. */
  readonly cut?: 'before' | 'after';
  /** Refused with this. */
  readonly code?: string;
  readonly message?: string;
  readonly status?: number;
  /** Answered with this instead. */
  readonly answer?: object;
}

/** What becomes of a resource while CloudFormation works on it. */
export interface ResourceFault extends Times {
  /** `AWS::EKS::Cluster`; or `*`. */
  readonly type: string;
  /** All three without it. */
  readonly on?: 'create' | 'update' | 'delete';
  /** How long it takes. */
  readonly seconds?: number;
  /** It fails, with this for a reason. */
  readonly message?: string;
}

export interface Faults {
  readonly requests?: readonly RequestFault[];
  readonly resources?: readonly ResourceFault[];
  /** Log groups that are there again as soon as they are deleted. */
  readonly returning?: readonly ({ readonly logGroup: string } & Times)[];
}

/** One action that was asked for, and whether IAM allowed it. */
export interface Call {
  readonly action: string;
  readonly resource: string;
  /** The access key of who asked. */
  readonly key: string;
  readonly allowed: boolean;
}

export interface Emulator extends AsyncDisposable {
  /** For `AWS_ENDPOINT_URL`. */
  readonly url: string;
  /** `127.0.0.1:40000`, where it also serves the images of ECR. */
  readonly host: string;
  readonly pid: number;
  /** Nothing is left but the users; faults and calls are forgotten. */
  readonly reset: () => Promise<void>;
  /** Only these from now on. */
  readonly faults: (faults: Faults) => Promise<void>;
  /** A stack of the first account is in this state, as somebody else's work would have it; half a second later in the other. */
  readonly putStackState: (stack: string, state: string, then?: string) => Promise<void>;
  /** Calls since the last `reset` or `forgetCalls`. */
  readonly calls: () => Promise<readonly Call[]>;
  readonly forgetCalls: () => Promise<void>;
  /** Everything that an account holds in a region. */
  readonly census: (place?: Partial<Place>) => Promise<Census>;
  /** The API server that is behind every cluster from now on; its certificate is PEM. */
  readonly putBehindClusters: (server: {
    readonly url: string;
    readonly certificate: string;
  }) => Promise<void>;
  /** What load balancers that are made from now on are reached at: `127.0.0.1:8080`. */
  readonly putBehindBalancers: (host: string) => Promise<void>;
  /** Where that API server asks whose a token is. */
  readonly tokenReviewUrl: string;
  /** What a command is started with to reach it as a user, instead of what the environment of the tests holds. */
  readonly env: (keys: Keys) => Readonly<Record<string, string | undefined>>;
  /** The APIs, as a user. */
  readonly as: (user: Keys & Partial<Pick<User, 'account'>>) => Account;
  readonly log: () => Promise<string>;
}

const folder = join(import.meta.dir, 'emulator');

/** An AWS of one's own on loopback that checks signatures and rights, gone with the process that started it. */
export async function startEmulator({ port = findFreePort() } = {}): Promise<Emulator> {
  const python = await findPython(join(folder, 'requirements.txt'));
  const temporary = mkdtempSync(join(realpathSync('/tmp'), 'cw-aws-'));
  const host = `127.0.0.1:${port}`;
  const url = `http://${host}`;
  const secret = crypto.randomUUID();
  const logFile = Bun.file(join(temporary, 'log'));
  const child = Bun.spawn([...withTests([python, '-m', 'emulator'])], {
    cwd: import.meta.dir,
    env: {
      PATH: process.env.PATH,
      TMPDIR: temporary,
      PYTHONDONTWRITEBYTECODE: '1',
      AUTH: 'true',
      // The owner of each account, whom no test is.
      AWS_ACCESS_KEY_ID: 'AKIAROOT',
      AWS_SECRET_ACCESS_KEY: secret,
      MINISTACK_ACCOUNT_ID: account,
      MINISTACK_REGION: region,
      MINISTACK_HOST: '127.0.0.1',
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      LOG_LEVEL: 'WARNING',
      CAUSEWAY_REGISTRY: host,
    },
    stdio: ['ignore', logFile, logFile],
  });

  async function control(method: string, path: string, body?: unknown): Promise<unknown> {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${url}${path}`, { method, ...init });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  const makeUsers = () => control('PUT', '/_causeway/users', usersWithRights);
  const emulator: Emulator = {
    url,
    host,
    pid: child.pid,
    async reset() {
      await control('PUT', '/_causeway/faults', {});
      await control('POST', '/_ministack/reset');
      await makeUsers();
    },
    async faults(faults) {
      await control('PUT', '/_causeway/faults', faults);
    },
    async putStackState(stack, state, then) {
      await control('PUT', '/_causeway/stack-state', { account, region, stack, state, then });
    },
    calls: async () => (await control('GET', '/_causeway/calls')) as readonly Call[],
    async forgetCalls() {
      await control('DELETE', '/_causeway/calls');
    },
    async census(place = {}) {
      const query = new URLSearchParams({ account, region, ...place });
      return (await control('GET', `/_causeway/census?${query}`)) as Census;
    },
    async putBehindClusters({ url: endpoint, certificate }) {
      await control('PUT', '/_causeway/settings', { endpoint, certificate });
    },
    async putBehindBalancers(balancer) {
      await control('PUT', '/_causeway/settings', { balancer });
    },
    tokenReviewUrl: `${url}/_causeway/token-review/${account}/${region}/${secret}`,
    env: ({ accessKeyId, secretAccessKey }) => ({
      AWS_ENDPOINT_URL: url,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_REGION: region,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_SESSION_TOKEN: undefined,
      AWS_PROFILE: undefined,
      AWS_DEFAULT_REGION: undefined,
    }),
    as: (user) => openAccount({ url, keys: user, account: user.account ?? account, region }),
    log: () => logFile.text(),
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
      rmSync(temporary, { recursive: true, force: true });
    },
  };
  try {
    await until('the emulator answers', async () => {
      if (child.exitCode !== null) throw new Error(`the emulator ended: ${await logFile.text()}`);
      return fetch(`${url}/_ministack/health`).then(
        ({ ok }) => ok,
        () => false,
      );
    });
    await makeUsers();
    await control('PUT', '/_causeway/settings', { secret });
    return emulator;
  } catch (error) {
    await emulator[Symbol.asyncDispose]();
    throw error;
  }
}
