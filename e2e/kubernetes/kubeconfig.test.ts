import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorOf } from '../../src/core/error-of.ts';
import { openApi } from '../../src/kubernetes/api/open-api.ts';
import { openAccess } from '../../src/kubernetes/kubeconfig/open-access.ts';
import { type Cluster, openCluster } from '../cluster/cluster.ts';
import { openConnectProxy } from './connect-proxy.ts';

interface Kubeconfig {
  readonly clusters: readonly { readonly name: string; readonly cluster: object }[];
}

const signal = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'causeway-kubeconfig-'));
let cluster: Cluster;
let known: Kubeconfig['clusters'];
let token: string;

beforeAll(async () => {
  cluster = await openCluster();
  known = (Bun.YAML.parse(readFileSync(cluster.kubeconfig, 'utf8')) as Kubeconfig).clusters;
  token = (await cluster.kubectl('create', 'token', 'default')).trim();
}, 600_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a context of client certificates reaches its cluster', async () => {
  expect(await whoami(cluster.kubeconfig, cluster.context)).toBe('admin');
});

test('a token is sent', async () => {
  const file = write('token', { token });

  expect(await whoami(file, 'shop')).toBe('system:serviceaccount:default:default');
});

test('a token in a file beside the kubeconfig is sent, whatever line it ends with', async () => {
  writeFileSync(join(folder, 'its token'), `${token}\n`);

  const file = write('token-file', { tokenFile: 'its token' });

  expect(await whoami(file, 'shop')).toBe('system:serviceaccount:default:default');
});

test.each([
  ['no credentials', {}, 'has no credentials'],
  ['a file for its token that is missing', { tokenFile: 'nowhere' }, 'no such file'],
  ['a token of two lines', { token: 'one\ntwo' }, 'is no single line of text'],
])('a user with %s is told, and is not sent as anybody', async (_what, user, told) => {
  const error = await errorOf(open(write('nobody', user), 'shop'));

  expect(error.code).toBe('kubeconfig_wrong');
  expect(error.message).toContain(told);
});

test('a plugin that gives credentials is run', async () => {
  const said = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } };
  const plugin = program('gives', `echo '${JSON.stringify(said)}'`);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' };

  expect(await whoami(write('plugin', { exec }), 'shop')).toBe('system:serviceaccount:default:default');
});

test('credentials of a plugin are asked for anew when their time is over, and not before', async () => {
  const runs = join(folder, 'runs');
  const until = (at: number) => new Date(Date.now() + at).toISOString();
  const said = (expirationTimestamp: string) =>
    JSON.stringify({
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token, expirationTimestamp },
    });
  const long = program('long', `echo run >> ${runs}-long; echo '${said(until(3_600_000))}'`);
  const over = program('over', `echo run >> ${runs}-over; echo '${said(until(-1_000))}'`);

  for (const command of [long, over]) {
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'Never' };
    const access = await open(write('renewed', { exec }), 'shop');
    for (let n = 0; n < 3; n += 1)
      await openApi({ access, namespace: 'default', trace }).read('/api', signal);
  }

  expect(readFileSync(`${runs}-long`, 'utf8')).toBe('run\n');
  expect(readFileSync(`${runs}-over`, 'utf8')).toBe('run\n'.repeat(4));
});

test('a certificate that is none is told before anything is sent', async () => {
  const file = write('no-pem', { token });
  const text = readFileSync(file, 'utf8').replace(
    /"certificate-authority(-data)?":"[^"]*"/,
    `"certificate-authority-data":"${btoa('rubbish')}"`,
  );
  writeFileSync(file, text);

  const error = await errorOf(open(file, 'shop'));

  expect(error.code).toBe('kubeconfig_wrong');
  expect(error.message).toStartWith('the certificate authority of context shop is none: ');
});

test('a plugin that takes long is waited for, and that is said', async () => {
  const said = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } };
  const waits = join(folder, 'waits');
  const plugin = program(
    'waiting',
    `until [ -e ${waits} ]; do sleep 0.05; done; echo '${JSON.stringify(said)}'`,
  );
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' };
  const told = Promise.withResolvers<string>();

  const opened = open(write('slow', { exec }), 'shop', told.resolve);
  const line = await told.promise;
  writeFileSync(waits, '');
  await opened;

  expect(line).toBe('waits for the program that gives the credentials of context shop; it may ask you');
});

test('of a plugin that fails it is told what it said', async () => {
  const plugin = program('fails', 'echo "the session has expired" >&2; exit 3');
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' };

  const error = await errorOf(open(write('failing', { exec }), 'shop'));

  expect(error.code).toBe('kubeconfig_wrong');
  expect(error.message).toBe('the credentials of context shop could not be had: the session has expired');
});

test('of several files the first that has a name counts, and what is missing is passed over', async () => {
  const first = write('first', { token });
  const second = write('second', { token: 'nobody' });
  const files = [join(folder, 'none'), first, second, cluster.kubeconfig].join(':');

  expect(await whoami(files, 'shop')).toBe('system:serviceaccount:default:default');
  expect(await whoami(files, cluster.context)).toBe('admin');
});

test('credentials that are wrong are told with their context', async () => {
  const access = await open(write('wrong', { token: 'nobody' }), 'shop');

  const error = await errorOf(
    openApi({ access, namespace: 'default', trace }).read('/api/v1/namespaces', signal),
  );

  expect(error).toMatchObject({
    code: 'cluster_refused',
    message: 'context shop: the cluster does not know your credentials',
  });
});

test('a cluster that another authority has signed is not spoken with', async () => {
  const { tls } = await open(cluster.kubeconfig, cluster.context);
  const access = {
    ...(await open(cluster.kubeconfig, cluster.context)),
    tls: { ...tls, ca: tls.cert ?? '' },
  };

  const error = await errorOf(openApi({ access, namespace: 'default', trace }).read('/version', signal));

  expect(error.code).toBe('cluster_untrusted');
});

test('a cluster behind a proxy is reached by it', async () => {
  await using proxy = await openConnectProxy({ credentials: 'ada:s3cret' });
  const file = write('proxied', { token }, { 'proxy-url': `http://ada:s3cret@${proxy.host}` });

  expect(await whoami(file, 'shop')).toBe('system:serviceaccount:default:default');
  expect(proxy.opened).toHaveLength(1);
});

test('a proxy of another kind is refused, without its password', async () => {
  const file = write('socks', { token }, { 'proxy-url': 'socks5://ada:s3cret@127.0.0.1:1080' });

  const error = await errorOf(open(file, 'shop'));

  expect(error).toMatchObject({
    code: 'kubeconfig_wrong',
    message:
      'the cluster of context shop is behind a proxy which speaks socks5; those of http and https are supported',
  });
});

test('a context that is not there, or that nobody names, is told with those that are', async () => {
  const unknown = await errorOf(open(cluster.kubeconfig, `${cluster.context}0`));
  const none = await errorOf(open(cluster.kubeconfig, undefined));

  expect(unknown).toMatchObject({ code: 'context_missing', hint: `did you mean ${cluster.context}?` });
  expect(none).toMatchObject({ code: 'context_missing', message: 'no context says which cluster is meant' });
  expect(none.hint).toContain(`your kubeconfig has ${cluster.context}`);
});

test('a file that is no kubeconfig is named', async () => {
  const file = join(folder, 'broken');
  writeFileSync(file, 'clusters: [');

  const error = await errorOf(open(file, 'shop'));

  expect(error.code).toBe('kubeconfig_wrong');
  expect(error.message).toStartWith(`${file} is no kubeconfig that can be read: `);
});

test('without npm it is said what to install', async () => {
  const cache = join(folder, 'empty-cache');
  mkdirSync(cache);
  const env = { KUBECONFIG: cluster.kubeconfig, HOME: folder, PATH: folder, XDG_CACHE_HOME: cache };

  const error = await errorOf(openAccess({ context: cluster.context, env, home: folder, trace, signal }));

  expect(error).toMatchObject({ code: 'package_missing', message: 'npm was not found' });
});

function open(files: string, context: string | undefined, say: (line: string) => void = trace) {
  const env = { ...process.env, KUBECONFIG: files };
  return openAccess({ context, env, home: folder, say, trace, signal });
}

async function whoami(files: string, context: string): Promise<string | undefined> {
  const api = openApi({ access: await open(files, context), namespace: 'default', trace });
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {} };
  const { status } = (await api.create(review, { signal })) as {
    status?: { userInfo?: { username?: string } };
  };
  return status?.userInfo?.username;
}

/** A kubeconfig of the context `shop`. */
function write(name: string, user: object, more: object = {}): string {
  const file = join(folder, name);
  const clusters = known.map(({ cluster: content }) => ({ name: 'k8s', cluster: { ...content, ...more } }));
  const contexts = [{ name: 'shop', context: { cluster: 'k8s', user: name } }];
  const users = [{ name, user }];
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'Config', clusters, contexts, users }));
  return file;
}

function program(name: string, script: string): string {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return file;
}

function trace(): void {
  // Nobody looks.
}
