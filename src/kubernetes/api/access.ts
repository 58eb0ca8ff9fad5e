/** How a cluster is reached, and as whom; made from a kubeconfig, or from what every pod finds in its files. */
export interface ClusterAccess {
  /** The context's name, as it is shown. */
  readonly context: string;
  /** The API server's URL, without a slash at its end. */
  readonly server: string;
  readonly tls: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly serverName?: string;
    readonly rejectUnauthorized?: boolean;
  };
  /** The http or https proxy by which it is reached, with credentials where it asks for some; else it is reached directly. */
  readonly proxy?: string;
  /** Read anew for each request, as a token may have been renewed. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** What mends it where no kubeconfig leads to it. */
  readonly hints?: AccessHints;
}

/** By what is wrong. */
export interface AccessHints {
  readonly unreachable: string;
  /** It does not know the caller. */
  readonly unknown: string;
  /** Its certificate is another's. */
  readonly untrusted: string;
}

/** As the runtime's requests take it: without a proxy, none that the environment names either. */
export function wireOf(access: Pick<ClusterAccess, 'tls' | 'proxy'>) {
  return { tls: tlsOf(access), proxy: access.proxy ?? false };
}

/** As the runtime's WebSockets take it, which go by no proxy but the one that is given. */
export function socketWireOf(access: Pick<ClusterAccess, 'tls' | 'proxy'>) {
  const { proxy } = access;
  return { tls: tlsOf(access), ...(proxy === undefined ? {} : { proxy }) };
}

/** The proxy as it may be shown. */
export function proxyAddress(proxy: string): string {
  const { protocol, host } = new URL(proxy);
  return `${protocol}//${host}`;
}

function tlsOf({ tls: { serverName, ...tls } }: Pick<ClusterAccess, 'tls'>) {
  return { ...tls, ...(serverName === undefined ? {} : { servername: serverName }) };
}
