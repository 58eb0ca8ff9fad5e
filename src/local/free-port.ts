/**
 * Ports for replicas lie below what Linux (from 32768) and macOS (from 49152) hand out to outgoing
 * connections: one of those could otherwise hold a port between its choice and the replica's bind.
 */
const firstPort = 20_000;
const portCount = 12_000;

/** A loopback port that nobody listens on. */
export function findFreePort(): number {
  for (let tries = 0; tries < 200; tries += 1) {
    const port = firstPort + Math.floor(Math.random() * portCount);
    if (isFree(port)) return port;
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
