import { afterEach, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { findFreePort, isFree } from './free-port.ts';

const servers: Bun.Server<undefined>[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

test('ports lie outside of what the system gives to outgoing connections, and of what needs rights', () => {
  const ports = Array.from({ length: 100 }, findFreePort);

  const [first, last] = ephemeralPorts();
  for (const port of ports) {
    expect(port < first || port > last).toBe(true);
    expect(port).toBeGreaterThan(1023);
  }
});

test('no port is given twice in a row of many, though nobody has bound the first yet', () => {
  const ports = Array.from({ length: 500 }, findFreePort);

  expect(new Set(ports).size).toBe(500);
});

test('a port that is listened on is passed over', () => {
  const first = findFreePort();
  const taken = [first + 1, first + 2].filter(isFree);
  for (const port of taken) listen({ port, hostname: '127.0.0.1' });

  const ports = Array.from({ length: 20 }, findFreePort);

  for (const port of taken) expect(ports).not.toContain(port);
});

for (const hostname of ['127.0.0.1', '0.0.0.0', ...(process.platform === 'linux' ? ['::'] : [])]) {
  test(`a port is not free while somebody listens on ${hostname}, and free again afterwards`, async () => {
    const server = listen({ port: findFreePort(), hostname });
    const port = server.port ?? 0;

    const whileHeld = isFree(port);
    await server.stop(true);

    expect(whileHeld).toBe(false);
    expect(isFree(port)).toBe(true);
  });
}

function listen({ port, hostname }: { port: number; hostname: string }): Bun.Server<undefined> {
  const server = Bun.serve({ port, hostname, fetch: () => new Response() });
  servers.push(server);
  return server;
}

function ephemeralPorts(): readonly [number, number] {
  if (process.platform !== 'linux') return [49_152, 65_535];
  const [first = 0, last = 0] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
    .split('\t')
    .map(Number);
  return [first, last];
}
