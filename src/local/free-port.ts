/**
 * Ports for replicas lie below what Linux (from 32768) and macOS (from 49152) hand out to outgoing
 * connections: one of those could otherwise hold a port between its choice and the replica's bind.
 */
const firstPort = 20_000;
const portCount = 12_000;

let turn = Math.floor(Math.random() * portCount);

/**
 * A loopback port that nobody listens on. Each in turn, from a random one on: of two replicas that start at
 * once neither is given the port that the other has not bound yet.
 */
export function findFreePort(): number {
  for (let tries = 0; tries < 200; tries += 1) {
    turn = (turn + 1) % portCount;
    if (isFree(firstPort + turn)) return firstPort + turn;
  }
  throw new Error(`no free port in ${firstPort}–${firstPort + portCount - 1}`);
}

export function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
