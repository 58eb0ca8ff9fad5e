import type { ClusterAccess } from './access.ts';
import type { Kind, KubernetesObject } from './kinds.ts';

export interface ApiOptions {
  readonly access: ClusterAccess;
  /** Where namespaced objects lie unless a call says otherwise. */
  readonly namespace: string;
  /** Told of each request, for `--verbose`. */
  readonly trace: (line: string) => void;
}

export interface Selector {
  readonly labels?: Readonly<Record<string, string>>;
  /** `metadata.name=shop`. */
  readonly fields?: string;
  /** Default: the API's own. `*` for all of them. */
  readonly namespace?: string;
}

export interface List<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

export interface WriteOptions {
  readonly signal: AbortSignal;
  /** The server checks and answers as if it were done. */
  readonly isDryRun?: boolean;
}

export interface ApplyOptions extends WriteOptions {
  /** Who owns the fields. Default: `causeway`. */
  readonly manager?: string;
}

export type JsonPatch = readonly {
  readonly op: 'add' | 'remove' | 'replace' | 'test';
  readonly path: string;
  readonly value?: unknown;
}[];

export interface RemoveOptions {
  readonly signal: AbortSignal;
  /** Whether what it owns goes before it. Default: after it. */
  readonly isForeground?: boolean;
  /** Removed only if it is this one still. */
  readonly uid?: string;
  readonly graceSeconds?: number;
}

export interface LogOptions {
  readonly container?: string;
  readonly isFollowed?: boolean;
  /** Of the container that ran before a restart. */
  readonly isPrevious?: boolean;
  readonly tailLines?: number;
  readonly sinceTime?: string;
  readonly hasTimestamps?: boolean;
}

export type Change<T> =
  /** All that there is; also after a gap in watching. */
  | { readonly kind: 'listed'; readonly items: readonly T[] }
  | { readonly kind: 'set'; readonly item: T }
  | { readonly kind: 'removed'; readonly item: T };

/**
 * The API of one cluster. A server that does not answer, or answers 5xx in spite of repetitions, throws
 * `UnreachableError`; one that refuses throws `ApiRefusal`, whose `status`, `reason` and `causes` say why.
 */
export interface Api {
  readonly access: ClusterAccess;
  readonly namespace: string;
  /** Undefined: there is none. */
  get<T extends KubernetesObject>(
    kind: Kind<T>,
    name: string,
    signal: AbortSignal,
    namespace?: string,
  ): Promise<T | undefined>;
  list<T extends KubernetesObject>(kind: Kind<T>, selector: Selector, signal: AbortSignal): Promise<List<T>>;
  /** Throws `ApiRefusal` with reason `AlreadyExists`. */
  create<T extends KubernetesObject>(object: T, options: WriteOptions): Promise<T>;
  /** Server-side apply: our fields alone, whoever had them. With a resourceVersion in it: 409 where that is not the present one. */
  apply<T extends KubernetesObject>(object: T, options: ApplyOptions): Promise<T>;
  /** The whole object, which carries the resourceVersion that it replaces. */
  replace<T extends KubernetesObject>(object: T, options: WriteOptions): Promise<T>;
  /** A JSON patch where it is a list, else a merge patch. */
  patch<T extends KubernetesObject>(
    kind: Kind<T>,
    name: string,
    patch: JsonPatch | object,
    options: WriteOptions,
  ): Promise<T>;
  /** Asks for its removal; false: there was none. */
  remove(kind: Kind, name: string, options: RemoveOptions): Promise<boolean>;
  /** What there is, then how it changes; goes on by itself across ends, expiries and a server that is away. */
  watch<T extends KubernetesObject>(
    kind: Kind<T>,
    selector: Selector,
    signal: AbortSignal,
  ): AsyncIterable<Change<T>>;
  logs(pod: string, options: LogOptions, signal: AbortSignal): AsyncIterable<string>;
  /** The same as it was printed, byte for byte. */
  printed(pod: string, options: LogOptions, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** A GET to a port of a pod, by way of the API server. */
  proxy(pod: string, port: number, path: string, signal: AbortSignal): Promise<Response>;
  /** Any other path of the API, such as `/version`, as JSON. */
  read<T>(path: string, signal: AbortSignal): Promise<T>;
}
