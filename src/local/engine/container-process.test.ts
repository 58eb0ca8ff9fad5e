import { afterEach, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { birthOf } from '../birth.ts';
import { findFreePort } from '../free-port.ts';
import { describeListeners, hasLeft, processOf } from './container-process.ts';

const servers: Bun.Server<undefined>[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

// This process stands for that of a container: its network is the machine's.
describe.skipIf(process.platform !== 'linux')('on Linux', () => {
  const identity = { pid: process.pid, birth: birthOf(process.pid) ?? '' };

  test('a port that is open to others is one that something listens on', () => {
    expect(describeListeners(identity, serve('0.0.0.0'))).toBeUndefined();
    expect(describeListeners(identity, serve('::'))).toBeUndefined();
  });

  test('a port that is open on loopback alone is said to be', () => {
    for (const hostname of ['127.0.0.1', '::1']) {
      const port = serve(hostname);

      expect(describeListeners(identity, port)).toBe(
        `port ${port} is open on the container's own loopback alone, and not on HOST`,
      );
    }
  });

  test('where nothing listens, the ports are named on which something does', () => {
    const [open, closed] = [serve('0.0.0.0'), findFreePort()];

    const said = describeListeners(identity, closed);

    expect(said).toStartWith(`nothing listens on PORT (${closed} in the container); it listens on `);
    expect(said).toContain(String(open));
  });

  test('a process is the container’s only if it says so itself', () => {
    const [own = ''] = readFileSync('/proc/self/cgroup', 'utf8').split('\n');

    expect(processOf(process.pid, own)).toEqual(identity);
    expect(processOf(process.pid, 'f'.repeat(64))).toBeUndefined();
    expect(processOf(0, own)).toBeUndefined();
  });
});

test('of a process that cannot be seen nobody says that it has left', () => {
  expect(hasLeft(undefined)).toBe(false);
  expect(hasLeft({ pid: 2 ** 22 + 1, birth: 'another boot:1' })).toBe(true);
});

function serve(hostname: string): number {
  const server = Bun.serve({ port: 0, hostname, fetch: () => new Response() });
  servers.push(server);
  return server.port ?? 0;
}
