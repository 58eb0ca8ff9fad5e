import type { Difference } from '../core/difference.ts';
import type { Environment, Forwarding, RenderRequest, Status } from '../core/environment.ts';
import { FakeEnvironment } from './fake-environment.ts';
import { configText, FakeTerminal, type TerminalOptions } from './terminal/fake-terminal.ts';

/** A cluster in memory: what a command can do there, and not on this machine. */
export class FakeCluster extends FakeEnvironment implements Environment {
  override readonly name = 'prod';
  override readonly costs = '2 replicas of 100m CPU and 256Mi, in your cluster; twice that in a rollout';
  /** Of a load balancer, where it has one. */
  url: string | undefined;
  whenLeft = 'what is there serves on, and in 60 s the agent takes the candidate out';
  execExit = 0;
  differences: Difference[] = [];
  changes: Difference[] = [];
  readonly rendered: (RenderRequest | undefined)[] = [];
  readonly executed: (readonly string[])[] = [];

  async locate(): Promise<string> {
    return 'kind-kind  https://127.0.0.1:6443  namespace probe-prod';
  }

  override async status(): Promise<Status> {
    const { url: _, traffic: __, ...status } = await super.status();
    return { ...status, target: 'kubernetes', ...(this.url === undefined ? {} : { url: this.url }) };
  }

  async exec(command: readonly string[]): Promise<number> {
    this.executed.push(command);
    return this.execExit;
  }

  async forward(signal: AbortSignal): Promise<Forwarding> {
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve());
    return { url: 'http://127.0.0.1:41234', ended: promise };
  }

  async render(request: RenderRequest | undefined): Promise<readonly object[]> {
    this.rendered.push(request);
    const image = request ? `${request.pullFrom}@${request.release.image}` : 'registry.example.com/team/shop';
    return [
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'probe' }, spec: { ports: [{ port: 80 }] } },
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'probe' }, spec: { image } },
    ];
  }

  async preview(): Promise<readonly Difference[]> {
    return this.changes;
  }

  async drift(): Promise<readonly Difference[]> {
    return this.differences;
  }
}

/** A project with an environment in a cluster, `prod`. */
export function clusterTerminal(
  options: TerminalOptions = {},
  environment: object = {},
): { readonly terminal: FakeTerminal; readonly cluster: FakeCluster } & Disposable {
  const cluster = new FakeCluster();
  const config = configText({}, {}, {}, { prod: { target: 'kubernetes', ...environment } });
  const files = { 'causeway.config.ts': config };
  const terminal = new FakeTerminal({ files, environment: cluster, ...options });
  return { terminal, cluster, [Symbol.dispose]: () => terminal[Symbol.dispose]() };
}
