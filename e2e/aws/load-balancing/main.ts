// Stands for the managed load balancing of EKS Auto Mode beside a test cluster; start-load-balancing.ts starts it
import { accessTo } from '../../cluster/access.ts';
import { openAccount } from '../account.ts';
import { openApiServer } from './api-server.ts';
import { startBalancer } from './balancer.ts';
import { Controller } from './controller.ts';
import { startWebhook } from './readiness-gates.ts';
import type { Options, Report } from './start-load-balancing.ts';

const stepMs = 200;

const options: Options = JSON.parse(process.env.LOAD_BALANCING ?? '');
const api = openApiServer(accessTo(options.cluster));
const account = openAccount(options.account);
const targets = () => controller.targets();
const balancer = await startBalancer({ port: options.port, from: options.from, targets });
const controller: Controller = new Controller({
  api,
  account,
  slowness: options.slowness,
  isGood: balancer.isGood,
  now: Date.now,
});
const webhook = startWebhook({ api, ...options.webhook });
process.once('disconnect', () => process.exit());
process.once('SIGTERM', () => {
  webhook.stop();
  balancer.stop();
  process.exit();
});

for (;;) {
  await controller.step().catch((error: unknown) => console.error(String(error)));
  const now = Date.now();
  balancer.sweep(now);
  const report: Report = {
    targets: targets().map((target) => ({ host: target.host, state: target.state(now) })),
  };
  process.send?.(report);
  await Bun.sleep(stepMs);
}
