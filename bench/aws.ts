// What an environment in an AWS account takes of our own time, on the emulator of the tests; bench/run starts it
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { startEmulator } from '../e2e/aws/emulator.ts';
import { joinCluster } from '../e2e/aws/join/join-cluster.ts';
import { startLoadBalancing } from '../e2e/aws/load-balancing/start-load-balancing.ts';
import { makeProject } from '../e2e/aws/project.ts';
import { mustEnd } from '../e2e/local/project.ts';
import { showPage } from './page.ts';
import { isQuick } from './quick.ts';
import { type Sample, sample, showSample, timed } from './sample.ts';

const repository = realpathSync(join(import.meta.dir, '..'));
const rounds = isQuick ? 1 : 5;
/** Half a second, where a load balancer in AWS takes ten: what is measured is what is ours. */
const slowness = { registrationMs: 500, lagMs: 500 };

await using emulator = await startEmulator();
await using cluster = await joinCluster(emulator);
await using balancing = await startLoadBalancing(cluster, emulator, slowness);
await using project = await makeProject(emulator, { environment: { preStop: '2s' } });
project.use('good.ts');
// What reaches AWS is installed on first use.
await mustEnd(project.causeway('plan'));

const ups: number[] = [];
const unchanged: number[] = [];
const plans: number[] = [];
const downs: number[] = [];
const fresh = await sample(rounds, () => timed(() => mustEnd(project.causeway('plan'))));
for (let round = 0; round < rounds; round += 1) {
  ups.push(await timed(() => mustEnd(project.causeway('up', '--yes'))));
  const answer = await fetch(balancing.url);
  if (!answer.ok) throw new Error(`${balancing.url} answered ${answer.status}`);
  unchanged.push(await timed(() => mustEnd(project.causeway('up', '--yes'))));
  plans.push(await timed(() => mustEnd(project.causeway('plan'))));
  downs.push(await timed(() => mustEnd(project.causeway('down', '--yes'))));
  const left = await emulator.census();
  if (Object.keys(left).length > 0) throw new Error(`down left ${JSON.stringify(left)}`);
}

const row = (what: string, reach: string, measured: Sample) => ({
  what,
  reach,
  measured: showSample(measured),
});
showPage({
  name: 'aws',
  title: 'Environments in an AWS account, measured on an emulator',
  about: `The emulator, the cluster and the stand-in for the load balancer of [e2e/aws](../../e2e/aws/README.md): a cluster is there at once, where EKS takes 8 to 12 minutes, so this is the time that is ours. Bake 1 s, preStop 2 s; the load balancer knows a replica after ${slowness.registrationMs / 1000} s. Times are of whole commands: median (least–most, rounds).`,
  repository,
  rows: [
    row('`plan`, when nothing is there', '< 4 s', fresh),
    row('`plan`, when it stands', '< 4 s', { ms: plans }),
    row('`up` from nothing until the URL answers', '< 60 s', { ms: ups }),
    row('`up` with nothing changed', '< 5 s', { ms: unchanged }),
    row('`down`, receipt included', '< 10 s', { ms: downs }),
  ],
});
