import type { Api, ApiOptions, List, Selector, WriteOptions } from './api.ts';
import { type Call, Connection, showCall } from './connection.ts';
import { explainFailure, strangeAnswer } from './explain.ts';
import { holds } from './holds.ts';
import { type Kind, type KubernetesObject, kindOf, kinds } from './kinds.ts';
import { readLines } from './lines.ts';
import { ApiRefusal } from './refusal.ts';
import { isGone, watchChanges, watchSeconds } from './watch-changes.ts';

/** A list comes in parts of this many objects. */
const pageSize = '500';

/** The API of one cluster, over Bun's own fetch and TLS. */
export function openApi(options: ApiOptions): Api {
  return new HttpApi(options);
}

class HttpApi implements Api {
  readonly access: Api['access'];
  readonly namespace: string;
  readonly #connection: Connection;
  readonly #trace: ApiOptions['trace'];

  constructor({ access, namespace, trace }: ApiOptions) {
    this.access = access;
    this.namespace = namespace;
    this.#trace = trace;
    this.#connection = new Connection({ access, trace });
  }

  async get<T extends KubernetesObject>(
    kind: Kind<T>,
    name: string,
    signal: AbortSignal,
    namespace?: string,
  ): Promise<T | undefined> {
    const path = `${this.#pathOf(kind, namespace)}/${name}`;
    return unlessMissing(this.#json<T>({ method: 'GET', path, signal }));
  }

  async list<T extends KubernetesObject>(
    kind: Kind<T>,
    selector: Selector,
    signal: AbortSignal,
  ): Promise<List<T>> {
    const { apiVersion, kind: name } = kind;
    let items: T[] = [];
    for (let rest: Record<string, string> = { limit: pageSize }; ; ) {
      const path = `${this.#pathOf(kind, selector.namespace)}${queryOf({ ...selectorQuery(selector), ...rest })}`;
      const page = await this.#json<Page<T>>({ method: 'GET', path, signal }).catch((error: unknown) => {
        if (!(isGone(error) && 'continue' in rest)) throw error;
      });
      if (!page) {
        // What the parts are of is forgotten already, so it comes in one.
        items = [];
        rest = {};
        continue;
      }
      // Items of a list come without what they are.
      for (const item of page.items) items.push({ ...item, apiVersion, kind: name });
      const { resourceVersion = '', continue: next = '' } = page.metadata;
      if (next === '') return { items, resourceVersion };
      rest = { limit: pageSize, continue: next };
    }
  }

  create<T extends KubernetesObject>(object: T, options: WriteOptions): Promise<T> {
    const path = `${this.#pathOf(kindOf(object), object.metadata?.namespace)}${writeQuery(options)}`;
    return this.#write<T>({ method: 'POST', path, signal: options.signal }, object);
  }

  apply<T extends KubernetesObject>(
    object: T,
    options: WriteOptions & { readonly manager?: string },
  ): Promise<T> {
    const path = `${this.#objectPath(object)}${writeQuery(options, { force: 'true' })}`;
    const type = 'application/apply-patch+yaml';
    return this.#write<T>({ method: 'PATCH', path, type, signal: options.signal }, object);
  }

  replace<T extends KubernetesObject>(object: T, options: WriteOptions): Promise<T> {
    const path = `${this.#objectPath(object)}${writeQuery(options)}`;
    return this.#write<T>({ method: 'PUT', path, signal: options.signal }, object);
  }

  patch<T extends KubernetesObject>(
    kind: Kind<T>,
    name: string,
    patch: object,
    options: WriteOptions,
  ): Promise<T> {
    const path = `${this.#pathOf(kind)}/${name}${writeQuery(options)}`;
    const type = Array.isArray(patch) ? 'application/json-patch+json' : 'application/merge-patch+json';
    return this.#json<T>({ method: 'PATCH', path, body: patch, type, signal: options.signal });
  }

  async remove(
    kind: Kind,
    name: string,
    { signal, isForeground = false, uid, graceSeconds }: Parameters<Api['remove']>[2],
  ): Promise<boolean> {
    const body = {
      propagationPolicy: isForeground ? 'Foreground' : 'Background',
      ...(uid === undefined ? {} : { preconditions: { uid } }),
      ...(graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds }),
    };
    const path = `${this.#pathOf(kind)}/${name}`;
    const answer = await unlessMissing(this.#connection.call({ method: 'DELETE', path, body, signal }));
    return answer !== undefined;
  }

  watch<T extends KubernetesObject>(kind: Kind<T>, selector: Selector, signal: AbortSignal) {
    const place = this.#pathOf(kind, selector.namespace);
    return watchChanges<T>({
      list: (until) => this.list(kind, selector, until),
      open: (resourceVersion, until) => {
        const bounds = { allowWatchBookmarks: 'true', timeoutSeconds: String(watchSeconds), resourceVersion };
        const path = `${place}${queryOf({ ...selectorQuery(selector), watch: 'true', ...bounds })}`;
        return this.#connection.call({ method: 'GET', path, signal: until, isStream: true, isOnce: true });
      },
      signal,
      trace: (line) => this.#trace(`${kind.plural}: ${line}`),
    });
  }

  logs(pod: string, options: Parameters<Api['logs']>[1], signal: AbortSignal): AsyncGenerator<string> {
    return readLines(this.printed(pod, options, signal));
  }

  async *printed(
    pod: string,
    options: Parameters<Api['logs']>[1],
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const { container, isFollowed, isPrevious, tailLines, sinceTime, hasTimestamps } = options;
    const query = queryOf({
      ...(container === undefined ? {} : { container }),
      ...(isFollowed ? { follow: 'true' } : {}),
      ...(isPrevious ? { previous: 'true' } : {}),
      ...(tailLines === undefined ? {} : { tailLines: String(tailLines) }),
      ...(sinceTime === undefined ? {} : { sinceTime }),
      ...(hasTimestamps ? { timestamps: 'true' } : {}),
    });
    const path = `/api/v1/namespaces/${this.namespace}/pods/${pod}/log${query}`;
    const response = await this.#connection.call({ method: 'GET', path, signal, isStream: true });
    try {
      if (response.body) yield* response.body;
    } catch (error) {
      signal.throwIfAborted();
      throw explainFailure(this.access, error);
    }
  }

  proxy(pod: string, port: number, path: string, signal: AbortSignal): Promise<Response> {
    const place = `/api/v1/namespaces/${this.namespace}/pods/${pod}:${port}/proxy`;
    return this.#connection.call({
      method: 'GET',
      path: `${place}${path}`,
      signal,
      isStream: true,
      isOnce: true,
    });
  }

  read<T>(path: string, signal: AbortSignal): Promise<T> {
    return this.#json<T>({ method: 'GET', path, signal });
  }

  /** A conflict with what we did ourselves, of which the answer was lost, is none. */
  async #write<T extends KubernetesObject>(call: Call, object: T): Promise<T> {
    const kind = kindOf(object) as Kind<T>;
    const { name, namespace } = object.metadata ?? {};
    let mayBeDone = false;
    try {
      return await this.#json<T>({
        ...call,
        body: object,
        // What has no name is stored under a new one each time, or not at all.
        isSafe: name !== undefined || object.kind === kinds.accessReview.kind,
        onLost: () => {
          mayBeDone = true;
        },
      });
    } catch (error) {
      if (!mayBeDone || name === undefined || !isConflict(error)) throw error;
      const found = await this.get(kind, name, call.signal, namespace);
      if (found && holds(found, object)) return found;
      throw error;
    }
  }

  async #json<T>(call: Call): Promise<T> {
    const response = await this.#connection.call(call);
    const answer: unknown = await response.json().catch(() => undefined);
    if (typeof answer === 'object' && answer !== null) return answer as T;
    const type = response.headers.get('content-type') ?? 'nothing';
    throw strangeAnswer(this.access, showCall(call), type);
  }

  #objectPath(object: KubernetesObject): string {
    return `${this.#pathOf(kindOf(object), object.metadata?.namespace)}/${object.metadata?.name}`;
  }

  #pathOf({ apiVersion, plural, isNamespaced }: Kind, namespace = this.namespace): string {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    return `${root}${isNamespaced && namespace !== '*' ? `/namespaces/${namespace}` : ''}/${plural}`;
  }
}

interface Page<T> {
  readonly items: readonly T[];
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
}

function isConflict(error: unknown): boolean {
  return error instanceof ApiRefusal && error.status === 409;
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    // A 404 that does not say this is of another server, or of a kind that the cluster does not know.
    if (error instanceof ApiRefusal && error.status === 404 && error.reason === 'NotFound') return undefined;
    throw error;
  }
}

function writeQuery(
  { isDryRun = false, manager = 'causeway' }: WriteOptions & { readonly manager?: string },
  more: Readonly<Record<string, string>> = {},
): string {
  return queryOf({ fieldManager: manager, ...more, ...(isDryRun ? { dryRun: 'All' } : {}) });
}

function selectorQuery({ labels, fields }: Selector): Record<string, string> {
  const pairs = Object.entries(labels ?? {}).map(([name, value]) => `${name}=${value}`);
  return {
    ...(pairs.length === 0 ? {} : { labelSelector: pairs.join(',') }),
    ...(fields === undefined ? {} : { fieldSelector: fields }),
  };
}

function queryOf(parameters: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(parameters).toString();
  return text === '' ? '' : `?${text}`;
}
