/** What is used of the library's `KubeConfig`. */
export interface KubeConfig {
  contexts: readonly NamedContext[];
  clusters: readonly { readonly name: string; readonly server: string; readonly proxyUrl?: string }[];
  users: readonly { readonly name: string }[];
  loadFromFile(file: string): void;
  setCurrentContext(name: string): void;
  /** Fills in what the present context's user and cluster say; runs exec plugins, and reads files anew. */
  applyToHTTPSOptions(options: HttpsOptions): Promise<void>;
}

interface NamedContext {
  readonly name: string;
  readonly cluster: string;
  readonly user: string;
  readonly namespace?: string;
}

export interface HttpsOptions {
  ca?: Uint8Array | string;
  cert?: Uint8Array | string;
  key?: Uint8Array | string;
  servername?: string;
  rejectUnauthorized?: boolean;
  /** `user:password`. */
  auth?: string;
  headers?: Record<string, string>;
}

export type KubeConfigClass = new () => KubeConfig;
