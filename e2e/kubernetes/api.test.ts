import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IConfigMap } from 'kubernetes-models/v1';
import { errorOf } from '../../src/core/error-of.ts';
import type { Api, Change } from '../../src/kubernetes/api/api.ts';
import { kinds } from '../../src/kubernetes/api/kinds.ts';
import { openApi } from '../../src/kubernetes/api/open-api.ts';
import { forwardPort } from '../../src/kubernetes/api/port-forward.ts';
import { ApiRefusal } from '../../src/kubernetes/api/refusal.ts';
import { exec } from '../../src/kubernetes/api/remote-process.ts';
import { accessTo } from '../cluster/access.ts';
import { type Cluster, findCluster, type Namespace, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { until } from '../local/project.ts';
import { pushShellImage } from './command-place.ts';
import { openConnectProxy } from './connect-proxy.ts';
import { makeCertificate } from './own-certificate.ts';

const minuteMs = 60_000;
setDefaultTimeout(2 * minuteMs);

/** Answers with what it was sent, and prints a line for each request. */
const echo = `
  Bun.serve({ port: 8080, maxRequestBodySize: 1e9, async fetch(request) {
    const body = await request.arrayBuffer();
    console.log('got ' + body.byteLength);
    return new Response(body);
  } });
  process.on('SIGTERM', () => process.exit());
  console.log('up');`;

if (await have('a cluster', findCluster)) describe('the API of a cluster', testApi);

function testApi(): void {
  const { signal } = new AbortController();
  let cluster: Cluster;
  let namespace: Namespace;
  let api: Api;

  beforeAll(async () => {
    cluster = await openCluster();
    const { pullFrom, digest } = await pushShellImage(cluster);
    namespace = await cluster.makeNamespace();
    api = openApi({ access: accessTo(cluster), namespace: namespace.name, trace });
    // Without it no pod may be made, and a controller makes it a moment after the namespace.
    await until(
      'the account of pods is there',
      async () => (await api.get(kinds.serviceAccount, 'default', signal)) !== undefined,
    );
    const container = { name: 'echo', image: `${pullFrom}@${digest}`, command: ['bun', '-e', echo] };
    const spec = { containers: [container], terminationGracePeriodSeconds: 1 };
    await api.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'echo' }, spec }, { signal });
    await until('the pod runs', async () => {
      const pod = await api.get(kinds.pod, 'echo', signal);
      return pod?.status?.containerStatuses?.some(({ ready }) => ready) ?? false;
    });
  }, 20 * minuteMs);

  afterAll(async () => {
    await namespace?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('what is applied has our fields, and keeps those of others', async () => {
    await api.apply(map('fields', { a: '1' }), { signal, manager: 'somebody' });
    const applied = await api.apply(map('fields', { b: '2' }), { signal });

    expect(applied).toMatchObject({ data: { a: '1', b: '2' } });
  });

  test('what is applied to a version that is not the present one is a conflict', async () => {
    const { metadata } = await api.apply(map('versions', { a: '1' }), { signal });
    await api.apply(map('versions', { a: '2' }), { signal });

    const { resourceVersion = '' } = metadata ?? {};
    const stale = map('versions', { a: '3' }, { resourceVersion });
    for (const write of [api.apply, api.replace]) {
      const error = await errorOf(write.call(api, stale, { signal }));
      expect(error).toMatchObject({ status: 409, reason: 'Conflict' });
    }
  });

  test('a dry run is checked by the server and changes nothing', async () => {
    const made = await api.create(map('dry', {}), { signal, isDryRun: true });
    const error = await errorOf(api.create(map('Not a Name', {}), { signal, isDryRun: true }));

    expect(made.metadata?.uid).toBeDefined();
    expect(await api.get(kinds.configMap, 'dry', signal)).toBeUndefined();
    expect(error).toMatchObject({ status: 422, reason: 'Invalid', causes: [{ field: 'metadata.name' }] });
  });

  test('what is patched changes where it is said, and not where a test fails', async () => {
    await api.create(map('patched', { a: '1' }), { signal });

    const merged = await api.patch(kinds.configMap, 'patched', { data: { b: '2' } }, { signal });
    const test = { op: 'test', path: '/metadata/resourceVersion', value: '1' } as const;
    const change = { op: 'replace', path: '/data/a', value: '3' } as const;
    const error = await errorOf(api.patch(kinds.configMap, 'patched', [test, change], { signal }));

    expect(merged).toMatchObject({ data: { a: '1', b: '2' } });
    expect(error).toBeInstanceOf(ApiRefusal);
    expect(await api.get(kinds.configMap, 'patched', signal)).toMatchObject({ data: { a: '1' } });
  });

  test('only the object that was meant is removed, and what is not there was not', async () => {
    await api.create(map('removed', {}), { signal });

    const error = await errorOf(api.remove(kinds.configMap, 'removed', { signal, uid: 'another' }));

    expect(error).toMatchObject({ status: 409 });
    expect(await api.remove(kinds.configMap, 'removed', { signal })).toBe(true);
    expect(await api.remove(kinds.configMap, 'removed', { signal })).toBe(false);
  });

  test('a list of more than one part is whole', async () => {
    const names = Array.from({ length: 520 }, (_, n) => `part-${n}`);
    const label = { labels: { part: 'yes' } };
    for (let from = 0; from < names.length; from += 40) {
      const some = names.slice(from, from + 40);
      await Promise.all(some.map((name) => api.create(map(name, {}, label), { signal })));
    }

    const { items } = await api.list(kinds.configMap, label, signal);

    expect(items.map(({ metadata }) => metadata?.name).sort()).toEqual(names.sort());
  });

  test('a watch tells what there is, then each change, and ends when it is left', async () => {
    const label = { labels: { watched: 'yes' } };
    await api.create(map('first', {}, label), { signal });
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const change of api.watch(kinds.configMap, label, stop.signal))
        seen.push(describeOf(change));
    })();
    await until('it is listed', () => seen.length === 1);

    await api.create(map('second', {}, label), { signal });
    await api.remove(kinds.configMap, 'first', { signal });

    await until('both changes are seen', () => seen.length === 3);
    stop.abort();
    await watching;
    expect(seen).toEqual(['listed first', 'set second', 'removed first']);
  });

  test('a log is followed', async () => {
    const stop = new AbortController();
    const read: string[] = [];
    const reading = (async () => {
      for await (const line of api.logs('echo', { isFollowed: true }, stop.signal)) read.push(line);
    })().catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    await until('its beginning is read', () => read.includes('up'));

    await api.proxy('echo', 8080, '/', signal);

    await until('the new line is read', () => read.includes('got 0'));
    stop.abort();
    await reading;
  });

  test('a command in a pod gets its input whole, and tells both outputs and how it ended', async () => {
    const length = 3_000_000;
    async function* input() {
      for (let n = 0; n < 30; n += 1) yield new Uint8Array(length / 30).fill(97 + (n % 26));
    }
    const script = `
      const text = await Bun.stdin.text();
      console.log(text.length + ' ' + new Bun.CryptoHasher('sha256').update(text).digest('hex'));
      console.error('bye');
      process.exit(7);`;

    const { exitCode, output, errors } = await run(['bun', '-e', script], input());

    const hash = createHash('sha256');
    for await (const chunk of input()) hash.update(chunk);
    expect({ exitCode, output, errors }).toEqual({
      exitCode: 7,
      output: `${length} ${hash.digest('hex')}\n`,
      errors: 'bye\n',
    });
  });

  test('a program that is not in the image is told', async () => {
    const error = await errorOf(run(['no-such-program'], undefined));

    expect(error).toMatchObject({
      code: 'one_off_failed',
      message: expect.stringContaining('no-such-program'),
    });
  });

  test('a way into a pod that is not there, or that is not allowed, is refused in the words of the cluster', async () => {
    const token = (await cluster.kubectl('--namespace', namespace.name, 'create', 'token', 'default')).trim();
    const { tls, ...known } = accessTo(cluster);
    const headers = async () => ({ Authorization: `Bearer ${token}` });
    const limited = { ...known, headers, tls: { ca: tls.ca ?? '' } };

    const missing = await errorOf(run(['true'], undefined, { pod: 'none' }));
    const forbidden = await errorOf(run(['true'], undefined, { access: limited }));

    expect(missing).toMatchObject({ status: 404, message: 'pods "none" not found' });
    expect(forbidden).toMatchObject({ status: 403, reason: 'Forbidden' });
    expect(forbidden.message).toContain('cannot');
  });

  test('a port of this machine leads to one of a pod, for large bodies and many connections', async () => {
    const stop = new AbortController();
    const about = { access: api.access, namespace: namespace.name, trace, signal: stop.signal };
    const { port, ended } = forwardPort({ ...about, pod: async () => 'echo', port: 8080 });
    const body = new Uint8Array(20 * 1024 * 1024).map((_, n) => (n * 31) % 251);

    const answers = await Promise.all(
      [body, body.subarray(0, 1_000_000), body.subarray(0, 1)].map(async (sent) => {
        const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: sent });
        return Buffer.compare(Buffer.from(await answer.arrayBuffer()), Buffer.from(sent));
      }),
    );

    expect(answers).toEqual([0, 0, 0]);
    stop.abort();
    await ended;
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });

  test('a server whose certificate is for another name is not spoken with', async () => {
    const { tls, ...known } = accessTo(cluster);
    const access = { ...known, tls: { ...tls, serverName: 'another.example' } };
    const elsewhere = openApi({ access, namespace: namespace.name, trace });

    const error = await errorOf(elsewhere.read('/version', signal));

    expect(error).toMatchObject({
      code: 'cluster_untrusted',
      message: expect.stringContaining('its certificate is for another name'),
    });
  });

  test.each(['http', 'https'])(
    'is reached through a proxy of %s, connections to pods too',
    async (scheme) => {
      const folder = mkdtempSync(join(tmpdir(), 'causeway-proxy-'));
      const certificate = await makeCertificate(folder);
      rmSync(folder, { recursive: true });
      const tls = scheme === 'https' ? { tls: certificate } : {};
      await using proxy = await openConnectProxy({ credentials: 'ada:s3cret', ...tls });
      const own = accessTo(cluster);
      const access = {
        ...own,
        tls: { ...own.tls, ca: `${own.tls.ca}\n${certificate.cert}` },
        proxy: `${scheme}://ada:s3cret@${proxy.host}`,
      };
      const proxied = openApi({ access, namespace: namespace.name, trace });

      const pod = await proxied.get(kinds.pod, 'echo', signal);
      const ran = await run(['bun', '-e', 'console.log("here")'], undefined, { access });

      expect(pod?.metadata?.name).toBe('echo');
      expect(ran).toMatchObject({ exitCode: 0, output: 'here\n' });
      expect(new Set(proxy.opened)).toEqual(new Set([new URL(own.server).host]));
      expect(proxy.opened.length).toBeGreaterThanOrEqual(2);
    },
  );

  test('behind a proxy that does not let in is unreachable, and no password is told', async () => {
    await using proxy = await openConnectProxy({ credentials: 'ada:s3cret' });
    const access = { ...accessTo(cluster), proxy: `http://ada:wr0ng@${proxy.host}` };
    const proxied = openApi({ access, namespace: namespace.name, trace });

    const asked = await errorOf(proxied.get(kinds.pod, 'echo', signal));
    const joined = await errorOf(run(['bun'], undefined, { access }));

    for (const error of [asked, joined]) {
      expect(error.code).toBe('environment_unreachable');
      expect(error.message).toContain(`by way of the proxy http://${proxy.host}: `);
      expect(error.message).toContain('407');
      expect(`${error.message}${error.hint}`).not.toContain('wr0ng');
    }
    expect(proxy.opened).toEqual([]);
  });

  async function run(
    command: readonly string[],
    input: AsyncIterable<Uint8Array> | undefined,
    { pod = 'echo', access = api.access } = {},
  ) {
    const output: Uint8Array[] = [];
    const errors: Uint8Array[] = [];
    const exitCode = await exec({
      access,
      namespace: namespace.name,
      pod,
      container: 'echo',
      command,
      streams: {
        ...(input ? { input } : {}),
        output: (chunk) => output.push(chunk),
        errors: (chunk) => errors.push(chunk),
        isTerminal: false,
      },
      signal,
    });
    return { exitCode, output: textOf(output), errors: textOf(errors) };
  }
}

function map(name: string, data: Readonly<Record<string, string>>, metadata: object = {}): IConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}

function textOf(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString();
}

function describeOf(change: Change<{ readonly metadata?: { readonly name?: string } }>): string {
  const items = change.kind === 'listed' ? change.items : [change.item];
  return [change.kind, ...items.map(({ metadata }) => metadata?.name)].join(' ');
}

function trace(): void {
  // Nobody looks.
}
