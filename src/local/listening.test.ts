import { afterEach, describe, expect, test } from 'bun:test';
import { findFreePort } from './free-port.ts';
import { listenerOn, listeningPorts } from './listening.ts';

const groups: number[] = [];

afterEach(() => {
  for (const group of groups.splice(0)) process.kill(-group, 'SIGKILL');
});

const serve = (hostname: string, port: number) =>
  `Bun.serve({ port: ${port}, hostname: '${hostname}', fetch: () => new Response() }); console.log('listens');`;

describe.skipIf(process.platform !== 'linux')('on Linux', () => {
  test('the ports of a process group are found, those of its children and of IPv6 among them', async () => {
    const [own, ofChild, ofIpv6] = [findFreePort(), findFreePort(), findFreePort()];
    const child = JSON.stringify(serve('127.0.0.1', ofChild));
    const group = await start(
      `${serve('::', ofIpv6)} ${serve('0.0.0.0', own)} Bun.spawn([process.execPath, '-e', ${child}], { stdio: ['ignore', 'inherit', 'inherit'] });`,
      3,
    );

    const ports = listeningPorts(group);

    expect(ports).toEqual([own, ofChild, ofIpv6].sort((a, b) => a - b));
  });

  test('connections that a process made or took are no ports that it listens on', async () => {
    const port = findFreePort();
    const group = await start(
      `${serve('127.0.0.1', port)} await fetch('http://127.0.0.1:${port}', { keepalive: true });`,
      1,
    );

    expect(listeningPorts(group)).toEqual([port]);
  });

  test('a group that is gone listens on nothing', () => {
    expect(listeningPorts(2 ** 22 + 1)).toEqual([]);
  });

  test('the holder of a port is named by pid and command, cut where it is long', async () => {
    const port = findFreePort();
    const group = await start(`${serve('127.0.0.1', port)} // ${'x'.repeat(100)}`, 1);

    const holder = listenerOn(port) ?? '';

    expect(holder).toStartWith(`pid ${group} (${process.execPath.slice(0, 20)}`);
    expect(holder).toEndWith('…)');
    expect(holder.length).toBeLessThan(80);
  });

  test('a port that nobody holds has no holder', () => {
    expect(listenerOn(findFreePort())).toBeUndefined();
  });
});

/** Starts a process group, and returns when it has said so many times that it listens. */
async function start(code: string, times: number): Promise<number> {
  const child = Bun.spawn([process.execPath, '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  groups.push(child.pid);
  let said = '';
  for await (const chunk of child.stdout) {
    said += new TextDecoder().decode(chunk);
    if (said.split('listens').length > times) break;
  }
  return child.pid;
}
