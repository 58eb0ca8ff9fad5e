import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findFreePort } from '../../../src/local/free-port.ts';
import type { Cluster } from '../../cluster/cluster.ts';
import { mustRun, withTests } from '../../images/run-program.ts';
import { until } from '../../local/project.ts';
import type { AccountOptions } from '../account.ts';
import type { Emulator } from '../emulator.ts';
import { account, region, users } from '../users.ts';
import { bindingDefinition, nodeClass, nodeClassDefinition, webhookName, webhookOf } from './objects.ts';
import type { Slowness, TargetState } from './target.ts';

/** What the program is told, in its environment. */
export interface Options {
  readonly cluster: Pick<Cluster, 'kubeconfig' | 'context' | 'api'>;
  readonly account: AccountOptions;
  readonly port: number;
  /** The address that the load balancer has in its subnet. */
  readonly from: string;
  readonly slowness: Slowness;
  readonly webhook: {
    readonly host: string;
    readonly port: number;
    readonly tls: { readonly cert: string; readonly key: string };
  };
}

/** What it tells, several times a second. */
export interface Report {
  readonly targets: readonly { readonly host: string; readonly state: TargetState }[];
}

export interface LoadBalancing extends AsyncDisposable {
  /** Where load balancers that are made from now on are reached. */
  readonly url: string;
  readonly port: number;
  /** Its address as pods see it. */
  readonly from: string;
  readonly targets: () => Report['targets'];
}

/** About what public cases tell of an Application Load Balancer. */
const usual: Slowness = { registrationMs: 10_000, lagMs: 10_000 };

/**
 * The stand-in for EKS' managed load balancing, beside a cluster of one's own: the types that it has, the webhook that
 * gives pods their readiness gate, the controller that registers them, and the load balancer on loopback. It takes what it
 * can know from the target groups in the emulator.
 */
export async function startLoadBalancing(
  cluster: Cluster,
  emulator: Emulator,
  slowness: Partial<Slowness> = {},
): Promise<LoadBalancing> {
  // The test cluster of this number, and the machine's end of what joins the two.
  const number = Number(cluster.context.at(-1));
  const host = `10.250.${number}.1`;
  // One address of the first subnet for load balancers. It goes with the interface, when the cluster goes.
  const from = `10.42.255.${16 + number}`;
  const port = findFreePort();
  const webhookPort = findFreePort();
  const folder = mkdtempSync(join(realpathSync('/tmp'), 'cw-balancing-'));
  const logFile = Bun.file(join(folder, 'log'));
  await mustRun(['ip', 'address', 'replace', `${from}/32`, 'dev', cluster.context]);
  const tls = await makeCertificate(folder, host);
  await cluster.apply(bindingDefinition, nodeClassDefinition);
  await cluster.kubectl(
    'wait',
    '--for=condition=Established',
    '--timeout=30s',
    ...[bindingDefinition, nodeClassDefinition].map(({ metadata }) => `crd/${metadata.name}`),
  );
  await cluster.apply(
    nodeClass,
    webhookOf({ url: `https://${host}:${webhookPort}/`, certificate: tls.cert }),
  );
  const { kubeconfig, context, api } = cluster;
  const options: Options = {
    cluster: { kubeconfig, context, api },
    account: { url: emulator.url, keys: users.balancing, account, region },
    port,
    from,
    slowness: { ...usual, ...slowness },
    webhook: { host, port: webhookPort, tls },
  };
  let latest: Report | undefined;
  const child = Bun.spawn([...withTests([process.execPath, join(import.meta.dir, 'main.ts')])], {
    env: { ...process.env, LOAD_BALANCING: JSON.stringify(options) },
    stdio: ['ignore', logFile, logFile],
    ipc: (report: Report) => {
      latest = report;
    },
  });
  const balancing: LoadBalancing = {
    url: `http://127.0.0.1:${port}/`,
    port,
    from,
    targets: () => latest?.targets ?? [],
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
      await cluster.tryKubectl('delete', 'mutatingwebhookconfiguration', webhookName);
    },
  };
  try {
    await until('the stand-in for load balancing runs', async () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${await logFile.text()}`);
      return latest !== undefined;
    });
    await emulator.putBehindBalancers(`127.0.0.1:${port}`);
    return balancing;
  } catch (error) {
    await balancing[Symbol.asyncDispose]();
    throw error;
  }
}

async function makeCertificate(folder: string, host: string) {
  const path = join(folder, 'key.pem');
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path];
  const named = ['-subj', '/CN=load-balancing', '-addext', `subjectAltName=IP:${host}`, '-days', '1'];
  const cert = await mustRun(['openssl', 'req', '-x509', ...curve, ...named]);
  return { cert, key: await Bun.file(path).text() };
}
