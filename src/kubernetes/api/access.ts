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

/** As the runtime takes it. */
export function tlsOf({ tls: { serverName, ...tls } }: Pick<ClusterAccess, 'tls'>) {
  return { ...tls, ...(serverName === undefined ? {} : { servername: serverName }) };
}
