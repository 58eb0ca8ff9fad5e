import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { kinds } from '../../src/kubernetes/api/kinds.ts';
import { openApi } from '../../src/kubernetes/api/open-api.ts';
import { execInReplica } from '../../src/kubernetes/exec-in-replica.ts';
import { runOneOff } from '../../src/kubernetes/one-off.ts';
import type { Terminal } from '../../src/kubernetes/terminal.ts';
import { accessTo } from '../cluster/access.ts';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { until } from '../local/project.ts';
import { makeCommandPlace, pushShellImage, type ShellImage } from './command-place.ts';
import { openConnectProxy } from './connect-proxy.ts';

const minuteMs = 60_000;
setDefaultTimeout(3 * minuteMs);

if (await have('a cluster', findCluster)) describe('one-off commands in a cluster', testOneOff);

function testOneOff(): void {
  let cluster: Cluster;
  let image: ShellImage;

  beforeAll(async () => {
    cluster = await openCluster();
    image = await pushShellImage(cluster);
  }, 20 * minuteMs);

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  test('a command gets input and gives output and exit code, and its pod is gone after it', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    const terminal = fakeTerminal('one\ntwo\n');
    const script = `const text = await Bun.stdin.text(); console.log(text.length, process.env.COLOUR); process.exit(3)`;

    const exit = await runOneOff({ ...about(place, script), openTerminal: () => terminal });

    expect(exit).toBe(3);
    expect(terminal.text()).toBe('8 amber\n');
    await isGone(place);
  });

  test('a command that ends before it can be joined has its whole output shown, once', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    const terminal = fakeTerminal('');
    const script = `for (let n = 0; n < 2000; n += 1) console.log('line ' + n)`;

    const exit = await runOneOff({ ...about(place, script), openTerminal: () => terminal });

    expect(exit).toBe(0);
    const lines = Array.from({ length: 2_000 }, (_, n) => `line ${n}\n`);
    expect(terminal.text()).toBe(lines.join(''));
  });

  test('what a command prints before and after it is joined is shown once, and in order', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    const terminal = fakeTerminal('');
    const script = `for (let n = 0; n < 300; n += 1) { console.log('line ' + n); await Bun.sleep(10) }`;

    await runOneOff({ ...about(place, script), openTerminal: () => terminal });

    const lines = Array.from({ length: 300 }, (_, n) => `line ${n}\n`);
    expect(terminal.text()).toBe(lines.join(''));
  });

  test('a megabyte that is passed through comes back whole, time and again', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    const text = Array.from({ length: 20_000 }, (_, n) => `${n}\n`.padStart(50, '.')).join('');
    const script = `process.stdin.pipe(process.stdout)`;

    for (let round = 0; round < 6; round += 1) {
      const { input, ...shown } = fakeTerminal(text, 2_000 + 50_000 * round);
      async function* untilShown(): AsyncGenerator<Uint8Array> {
        if (input) yield* input;
        // The node's containerd may drop what it has not read when a process ends: this one ends after that.
        await until('all has come back', () => shown.text().length >= text.length, { withinMs: minuteMs });
      }
      const terminal = { ...shown, input: untilShown() };
      const exit = await runOneOff({ ...about(place, script), openTerminal: () => terminal });

      const got = shown.text();
      expect([exit, got.length, got === text], `round ${round}`).toEqual([0, text.length, true]);
    }
  });

  test('a command that takes only a part of its input ends as it would anywhere', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    const terminal = fakeTerminal('yes\n'.repeat(250_000));
    const script = `process.stdin.once('data', () => { console.log('enough'); process.exit(5) })`;

    const exit = await runOneOff({ ...about(place, script), openTerminal: () => terminal });

    expect([exit, terminal.text()]).toEqual([5, 'enough\n']);
  });

  test('a command whose input is cut off is not called done', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    await using proxy = await openConnectProxy({});
    const access = { ...accessTo(cluster), proxy: `http://${proxy.host}` };
    const api = openApi({ access, namespace: place.place.namespace, trace: place.trace });
    const shown = fakeTerminal('');
    async function* input(): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode('DELETE FROM orders ');
      await until('it has a part', () => shown.text() === 'read\n', { withinMs: minuteMs });
      proxy.cut();
      yield* keys();
    }
    const script = `process.stdin.once('data', () => console.log('read')).resume()`;
    const terminal = { ...shown, input: input() };

    const ended = runOneOff({ ...about(place, script), api, openTerminal: () => terminal });

    await expect(ended).rejects.toMatchObject({
      code: 'one_off_failed',
      message: expect.stringContaining('was cut before the command had all its input'),
    });
    await isGone(place);
  });

  test('a command in a terminal has one too, of the same size', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    const terminal = {
      ...fakeTerminal(''),
      isTerminal: true,
      input: keys(),
      sizes: once({ columns: 91, rows: 17 }),
    };
    const script = `
      const { WriteStream } = require('node:tty');
      while (!new WriteStream(1).columns) await Bun.sleep(20);
      console.log([process.stdin.isTTY, new WriteStream(1).columns, process.env.TERM].join(' '));`;

    const exit = await runOneOff({ ...about(place, script), term: 'vt220', openTerminal: () => terminal });

    expect(exit).toBe(0);
    expect(terminal.text()).toBe('true 91 vt220\r\n');
  });

  test('a program that is not in the image is told', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    const options = {
      ...about(place, ''),
      command: ['no-such-program'],
      openTerminal: () => fakeTerminal(''),
    };

    await expect(runOneOff(options)).rejects.toMatchObject({
      code: 'one_off_failed',
      message: 'no-such-program could not be started, neither from PATH nor from the image',
    });
    await isGone(place);
  });

  test('a command that is interrupted leaves no pod', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    const stop = new AbortController();
    const terminal = fakeTerminal('');
    const script = `console.log('ready'); setInterval(() => {}, 1000)`;
    const ended = runOneOff({ ...about(place, script), signal: stop.signal, openTerminal: () => terminal });
    ended.catch(() => undefined);
    await until('it runs', () => terminal.text() === 'ready\n', { withinMs: minuteMs });

    stop.abort(new Error('SIGINT'));

    await expect(ended).rejects.toThrow('SIGINT');
    await isGone(place);
  });

  test('exec runs in a replica, with input, output and exit code', async () => {
    await using place = await makeCommandPlace(cluster, { image });
    const { metadata, spec } = JSON.parse(place.stored.template);
    await place.api.create(
      { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'shop-1' }, spec },
      { signal: AbortSignal.timeout(minuteMs) },
    );
    await place.kubectl('wait', '--for=condition=Ready', 'pod/shop-1', '--timeout=60s');
    const terminal = fakeTerminal('hello');
    const script = `console.log(await Bun.stdin.text(), process.env.HOSTNAME); console.error('bad'); process.exit(4)`;

    const exit = await execInReplica({ ...about(place, script), openTerminal: () => terminal });

    expect(exit).toBe(4);
    expect(terminal.text()).toContain('hello shop-1\n');
    expect(terminal.text()).toContain('bad\n');
  });

  test('exec where no replica runs says so', async () => {
    await using place = await makeCommandPlace(cluster, { image });

    await expect(execInReplica(about(place, ''))).rejects.toMatchObject({
      message: expect.stringMatching(/^no replica of .* runs on test$/),
    });
  });
}

type CommandPlace = Awaited<ReturnType<typeof makeCommandPlace>>;

function about({ api, place, store, running, trace }: CommandPlace, script: string) {
  const signal = AbortSignal.timeout(2 * minuteMs);
  return { api, place, store, running, command: ['bun', '-e', script], trace, signal };
}

async function isGone({ api }: CommandPlace): Promise<void> {
  const signal = AbortSignal.timeout(minuteMs);
  const none = async () => (await api.list(kinds.pod, {}, signal)).items.length === 0;
  await until('its pod is gone', none, { withinMs: minuteMs });
}

/** Nobody types anything. */
async function* keys(): AsyncGenerator<Uint8Array> {
  await new Promise(() => undefined);
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}

/** Input comes in chunks of so many bytes. */
function fakeTerminal(input: string, size = 64 * 1024): Terminal & { readonly text: () => string } {
  const chunks: Uint8Array[] = [];
  const take = (chunk: Uint8Array) => void chunks.push(chunk.slice());
  return {
    isTerminal: false,
    input: (async function* () {
      const bytes = new TextEncoder().encode(input);
      for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
    })(),
    output: take,
    errors: take,
    text: () => Buffer.concat(chunks).toString(),
    async [Symbol.asyncDispose]() {},
  };
}
