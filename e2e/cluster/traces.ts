import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from '../images/run-program.ts';

/** What a cluster could leave on this machine, by kind. */
export type Traces = Readonly<Record<string, readonly string[]>>;

/** By names and addresses that clusters alone have: other programs come and go on this machine meanwhile. */
export async function listTraces(): Promise<Traces> {
  const routes = linesOf(await mustRun(['ip', 'route', 'show', 'table', 'all']));
  return {
    mounts: linesOf(read('/proc/self/mounts')).filter((line) => mounted.test(line)),
    links: list('/sys/class/net').filter((name) => named.test(name)),
    routes: routes.filter((line) => named.test(line) || addresses.test(line)),
    tables: linesOf(await mustRun(['nft', 'list', 'tables'])).filter((line) => named.test(line)),
    cgroups: below('/sys/fs/cgroup', 2).filter((path) => named.test(path)),
    processes: list('/proc').map(nodeProcessOf),
    files: folders.flatMap((folder) => below(folder, 1)).filter((path) => named.test(path)),
    settings: settings.map((name) => `${name}=${read(join('/proc/sys', name))}`),
  };
}

/** What there is now and was not then; a kind of which there is no more is not named. */
export function moreThan(then: Traces, now: Traces): Traces {
  const added = Object.entries(now).map(([kind, traces]) => {
    const known = new Set(then[kind]);
    return [kind, [...new Set(traces)].filter((trace) => trace !== '' && !known.has(trace))] as const;
  });
  return Object.fromEntries(added.filter(([, traces]) => traces.length > 0));
}

const named = /causeway-k8s|kube|netpol|containerd|etcd|registry|\bcni\b/;
const mounted = /causeway-k8s|kubelet|\/run\/netns\b/;
const addresses = /\b10\.(?:250|244|96)\.\d+\.\d+/;

const folders = ['/var/tmp', '/run', '/var/lib', '/var/log', '/etc'];

/** Of the whole machine; the kubelet and a network plugin would set them. */
const settings = [
  'net/ipv4/ip_forward',
  'vm/overcommit_memory',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
];

function below(folder: string, depth: number): readonly string[] {
  const paths = list(folder).map((name) => join(folder, name));
  return depth === 1 ? paths : [...paths, ...paths.flatMap((path) => below(path, depth - 1))];
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** `CLUSTER=1 sleep 1`; nothing if it was not started by the script. */
function nodeProcessOf(pid: string): string {
  const cluster = /(?:^|\0)(CLUSTER=\d)\0/.exec(read(`/proc/${pid}/environ`))?.[1];
  return cluster ? `${cluster} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}` : '';
}

/** What is no folder, or goes at that moment, holds nothing. */
function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
