import { BlockList, isIP } from 'node:net';

export interface FindProxyOptions {
  /** `https://host:port` of the API server. */
  readonly server: string;
  /** The cluster's `proxy-url`; it wins, and no exception holds against it. */
  readonly proxyUrl: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The proxy by which an API server is reached, as kubectl chooses it: by `HTTPS_PROXY`, but for what `NO_PROXY` lists. */
export function findProxy({ server, proxyUrl, env }: FindProxyOptions): string | undefined {
  if (proxyUrl) return proxyUrl;
  const named = env.HTTPS_PROXY || env.https_proxy;
  if (!named) return undefined;
  const { hostname, port } = new URL(server);
  const target = { host: hostname.replace(/^\[|\]$/g, ''), port: port || '443' };
  if (isLoopback(target.host)) return undefined;
  const direct = (env.NO_PROXY || env.no_proxy || '').split(',').map((entry) => entry.trim().toLowerCase());
  if (direct.some((entry) => entry !== '' && isOf(target, entry))) return undefined;
  return named.includes('://') ? named : `http://${named}`;
}

interface Target {
  readonly host: string;
  readonly port: string;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** `*`, an address, a range of addresses, or a domain: one that begins with a dot means what is below it alone. */
function isOf({ host, port }: Target, entry: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isWithin(host, entry);
  const [, name = '', asked = port] =
    /^(.*?)(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
  if (asked !== port) return false;
  const bare = name.replace(/^\*(?=\.)/, '').replace(/^\[|\]$/g, '');
  if (bare.startsWith('.')) return host.endsWith(bare);
  return host === bare || (isIP(host) === 0 && host.endsWith(`.${bare}`));
}

function isWithin(host: string, range: string): boolean {
  const [network = '', bits = ''] = range.split('/');
  const [own, its] = [isIP(host), isIP(network)];
  const most = its === 4 ? 32 : 128;
  if (own === 0 || own !== its || !/^\d{1,3}$/.test(bits) || Number(bits) > most) return false;
  const family = own === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(host, family);
}
