import { afterEach, expect, test } from 'bun:test';
import { createServer, type Server, type Socket } from 'node:net';
import { findFreePort } from '../../../src/local/free-port.ts';
import { until } from '../../local/project.ts';
import { type Balancer, startBalancer } from './balancer.ts';
import { Target, type TargetRules } from './target.ts';

const rules: TargetRules = {
  intervalMs: 1_000,
  timeoutMs: 100,
  path: '/readyz',
  codes: '200',
  healthyAfter: 2,
  unhealthyAfter: 2,
  deregistrationMs: 500,
};
const lagMs = 200;
const ending: (() => void)[] = [];

afterEach(() => {
  for (const end of ending.splice(0)) end();
});

test('sends each request to one healthy target in turn, on connections that it keeps', async () => {
  const one = await makeService((socket) => socket.write(answer('one')));
  const two = await makeService((socket) => socket.write(answer('two')));
  const { get } = await makeBalancer([healthy(one.port), healthy(two.port)]);

  const answers = [await get(), await get(), await get(), await get()];

  expect(answers.toSorted()).toEqual(['200 one', '200 one', '200 two', '200 two']);
  expect([one.connections(), two.connections()]).toEqual([1, 1]);
});

test('answers 503 where nothing is registered, and where what is was not checked yet', async () => {
  const { get } = await makeBalancer([]);
  const unchecked = await makeBalancer([makeTarget(1)]);

  expect(await get()).toStartWith('503');
  expect(await unchecked.get()).toStartWith('503');
});

test('answers 502 where a target refuses the connection, or ends it without an answer', async () => {
  const refusing = await makeBalancer([healthy(findFreePort())]);
  const rude = await makeService((socket) => socket.destroy());
  const { get } = await makeBalancer([healthy(rude.port)]);

  expect(await refusing.get()).toStartWith('502');
  expect(await get()).toStartWith('502');
});

test('cuts an answer that its target does not finish', async () => {
  const short = await makeService((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
    setTimeout(() => socket.destroy(), 20);
  });
  const { get } = await makeBalancer([healthy(short.port)]);

  await expect(get()).rejects.toThrow();
});

test('asks unhealthy targets where there are no others', async () => {
  const service = await makeService((socket) => socket.write(answer('still here')));
  const target = healthy(service.port);
  target.checked(false);
  target.checked(false);
  const { get } = await makeBalancer([target]);

  expect(await get()).toBe('200 still here');
});

test('lets a target that has left finish what is in flight, and ends what takes longer', async () => {
  const held: Socket[] = [];
  const service = await makeService((socket) => held.push(socket));
  const target = healthy(service.port);
  const { get, balancer } = await makeBalancer([target]);
  const inTime = get();
  const late = get();
  await until('both are in flight', () => held.length === 2);

  target.leave(Date.now());
  await until('it is given no more', () => target.state(Date.now()) === 'draining');
  balancer.sweep(Date.now());
  held[0]?.write(answer('done'));
  expect(await Promise.race([inTime, late])).toBe('200 done');
  await until('its time is over', () => target.state(Date.now()) === 'gone');
  balancer.sweep(Date.now());

  expect((await Promise.all([inTime, late])).toSorted().map((each) => each.slice(0, 3))).toEqual([
    '200',
    '502',
  ]);
});

test('checks a target on a connection of its own, and gives up after its time', async () => {
  const service = await makeService((socket, text) => {
    if (text.startsWith('GET /readyz ')) socket.write(answer('ok'));
  });
  const silent = await makeService(() => undefined);
  const { balancer } = await makeBalancer([]);

  expect(await balancer.isGood(makeTarget(service.port))).toBe(true);
  expect(await balancer.isGood(makeTarget(service.port))).toBe(true);
  expect(service.connections()).toBe(2);
  expect(await balancer.isGood(makeTarget(silent.port))).toBe(false);
  expect(await balancer.isGood(makeTarget(findFreePort()))).toBe(false);
});

async function makeBalancer(targets: readonly Target[]) {
  const port = findFreePort();
  const balancer: Balancer = await startBalancer({ port, from: '127.0.0.1', targets: () => targets });
  ending.push(balancer.stop);
  return {
    balancer,
    async get(): Promise<string> {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      return `${response.status} ${await response.text()}`;
    },
  };
}

function makeTarget(port: number): Target {
  return new Target(
    { host: '127.0.0.1', port },
    { rules, slowness: { registrationMs: 0, lagMs }, now: Date.now() },
  );
}

function healthy(port: number): Target {
  const target = makeTarget(port);
  target.checked(true);
  return target;
}

/** A service on loopback that is told of each request as it came. */
async function makeService(asked: (socket: Socket, text: string) => void) {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (text) => asked(socket, String(text)));
  });
  const port = findFreePort();
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  ending.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port, connections: () => connections };
}

function answer(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}
