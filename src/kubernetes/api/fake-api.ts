import type { ClusterAccess } from './access.ts';
import type {
  Api,
  ApplyOptions,
  Change,
  JsonPatch,
  List,
  LogOptions,
  RemoveOptions,
  Selector,
  WriteOptions,
} from './api.ts';
import { jsonPatched, mergePatched, refusal } from './fake-patch.ts';
import { type Kind, type KubernetesObject, kindOf } from './kinds.ts';

export interface FakeCall {
  readonly verb:
    | 'get'
    | 'list'
    | 'create'
    | 'apply'
    | 'replace'
    | 'patch'
    | 'remove'
    | 'logs'
    | 'proxy'
    | 'read';
  /** `ConfigMap`; of `read` its path. */
  readonly kind: string;
  readonly name: string;
}

type Fields = Readonly<Record<string, unknown>>;
type Kept = KubernetesObject & Fields;
type Listener = (kind: 'set' | 'removed', item: Kept) => void;

/** The API of a cluster in memory: objects and their versions, without anything that acts on them. */
export class FakeApi implements Api {
  readonly namespace: string;
  readonly access: ClusterAccess = {
    context: 'fake',
    server: 'https://fake',
    tls: {},
    headers: async () => ({}),
  };
  /** Calls so far, in order. */
  readonly calls: FakeCall[] = [];
  /** Called before each call has an effect; what it throws, the call throws. */
  before: (call: FakeCall) => void = () => undefined;
  /** Called after each call had its effect: an answer that is lost. */
  after: (call: FakeCall) => void = () => undefined;
  /** By pod: what its container printed. */
  readonly logOf = new Map<string, string>();
  /** By pod: what its container printed before its last restart. */
  readonly logBefore = new Map<string, string>();
  answerProxy: (pod: string, port: number, path: string) => Response = () =>
    new Response('', { status: 503 });
  answerRead: (path: string) => unknown = () => ({});
  readonly #objects = new Map<string, Kept>();
  readonly #listeners = new Set<Listener>();
  #version = 0;

  constructor({ namespace = 'shop-staging' }: { readonly namespace?: string } = {}) {
    this.namespace = namespace;
  }

  /** Puts an object there as it is, or over what is there, as a controller would. */
  put<T extends KubernetesObject>(object: T): T {
    return this.#store(object) as KubernetesObject as T;
  }

  /** All objects of a kind. */
  all<T extends KubernetesObject>(kind: Kind<T>): readonly T[] {
    return [...this.#objects.values()].filter(
      (object) => object.kind === kind.kind,
    ) as KubernetesObject[] as T[];
  }

  get<T extends KubernetesObject>(kind: Kind<T>, name: string, signal: AbortSignal, namespace?: string) {
    return this.#call({ verb: 'get', kind: kind.kind, name }, signal, () => {
      const found = this.#objects.get(this.#key(kind, name, namespace));
      return found && (structuredClone(found) as KubernetesObject as T);
    });
  }

  list<T extends KubernetesObject>(kind: Kind<T>, selector: Selector, signal: AbortSignal): Promise<List<T>> {
    return this.#call({ verb: 'list', kind: kind.kind, name: '' }, signal, () => this.#list(kind, selector));
  }

  create<T extends KubernetesObject>(object: T, { signal, isDryRun }: WriteOptions): Promise<T> {
    const name = nameOf(object);
    return this.#call({ verb: 'create', kind: object.kind, name }, signal, () => {
      if (this.#found(object)) throw refusal(409, 'AlreadyExists', `${object.kind} "${name}" already exists`);
      return this.#store(object, isDryRun) as KubernetesObject as T;
    });
  }

  apply<T extends KubernetesObject>(object: T, { signal, isDryRun }: ApplyOptions): Promise<T> {
    return this.#call({ verb: 'apply', kind: object.kind, name: nameOf(object) }, signal, () => {
      const found = this.#found(object);
      return this.#change(found, mergePatched(found ?? {}, object), isDryRun) as KubernetesObject as T;
    });
  }

  replace<T extends KubernetesObject>(object: T, { signal, isDryRun }: WriteOptions): Promise<T> {
    return this.#call({ verb: 'replace', kind: object.kind, name: nameOf(object) }, signal, () => {
      const found = this.#found(object) ?? missing(object.kind, nameOf(object));
      return this.#change(found, object, isDryRun) as KubernetesObject as T;
    });
  }

  patch<T extends KubernetesObject>(
    kind: Kind<T>,
    name: string,
    patch: JsonPatch | object,
    { signal, isDryRun }: WriteOptions,
  ): Promise<T> {
    return this.#call({ verb: 'patch', kind: kind.kind, name }, signal, () => {
      const found = this.#objects.get(this.#key(kind, name)) ?? missing(kind.kind, name);
      const next = Array.isArray(patch) ? jsonPatched(found, patch) : mergePatched(found, patch);
      return this.#change(found, next, isDryRun) as KubernetesObject as T;
    });
  }

  remove(kind: Kind, name: string, { signal, uid }: RemoveOptions): Promise<boolean> {
    return this.#call({ verb: 'remove', kind: kind.kind, name }, signal, () => {
      const found = this.#objects.get(this.#key(kind, name));
      if (!found) return false;
      if (uid !== undefined && found.metadata?.uid !== uid) throw refusal(409, 'Conflict', 'another uid');
      this.#drop(found);
      return true;
    });
  }

  async *watch<T extends KubernetesObject>(
    kind: Kind<T>,
    selector: Selector,
    signal: AbortSignal,
  ): AsyncGenerator<Change<T>> {
    const changes: Change<T>[] = [];
    let wake = () => {};
    const listen: Listener = (what, item) => {
      if (item.kind !== kind.kind || !fits(item, selector)) return;
      changes.push({ kind: what, item: structuredClone(item) as KubernetesObject as T });
      wake();
    };
    const onAbort = () => wake();
    signal.addEventListener('abort', onAbort);
    this.#listeners.add(listen);
    try {
      yield { kind: 'listed', items: this.#list(kind, selector).items };
      while (!signal.aborted) {
        for (let change = changes.shift(); change; change = changes.shift()) yield change;
        if (signal.aborted) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      this.#listeners.delete(listen);
      signal.removeEventListener('abort', onAbort);
    }
  }

  async *printed(pod: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for await (const line of this.logs(pod, options, signal)) yield new TextEncoder().encode(`${line}\n`);
  }

  async *logs(pod: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<string> {
    const printed = await this.#call({ verb: 'logs', kind: 'Pod', name: pod }, signal, () =>
      (options.isPrevious ? this.logBefore : this.logOf).get(pod),
    );
    if (printed === undefined) throw refusal(404, 'NotFound', `pods "${pod}" not found`);
    const lines = printed.split('\n').filter(Boolean);
    yield* options.tailLines === undefined ? lines : lines.slice(-options.tailLines);
  }

  proxy(pod: string, port: number, path: string, signal: AbortSignal): Promise<Response> {
    return this.#call({ verb: 'proxy', kind: 'Pod', name: pod }, signal, () =>
      this.answerProxy(pod, port, path),
    );
  }

  read<T>(path: string, signal: AbortSignal): Promise<T> {
    return this.#call({ verb: 'read', kind: path, name: '' }, signal, () => this.answerRead(path) as T);
  }

  async #call<Result>(call: FakeCall, signal: AbortSignal, effect: () => Result): Promise<Result> {
    signal.throwIfAborted();
    this.calls.push(call);
    this.before(call);
    const result = effect();
    this.after(call);
    return result;
  }

  #list<T extends KubernetesObject>(kind: Kind<T>, selector: Selector): List<T> {
    const items = this.all(kind).filter((object) => fits(object as KubernetesObject as Kept, selector));
    return { items: structuredClone(items) as T[], resourceVersion: String(this.#version) };
  }

  #change(found: Kept | undefined, next: KubernetesObject, isDryRun?: boolean): Kept {
    const version = next.metadata?.resourceVersion;
    if (version !== undefined && version !== found?.metadata?.resourceVersion)
      throw refusal(409, 'Conflict', 'the object has been modified');
    if (found?.immutable === true && JSON.stringify(found.data) !== JSON.stringify((next as Kept).data))
      throw refusal(422, 'Invalid', 'data: Forbidden: field is immutable when `immutable` is set');
    return this.#store(next, isDryRun);
  }

  #store(object: KubernetesObject, isDryRun = false): Kept {
    const found = this.#found(object);
    const metadata = {
      creationTimestamp: new Date().toISOString(),
      ...(kindOf(object).isNamespaced ? { namespace: this.namespace } : {}),
      ...structuredClone(object.metadata),
      uid: found?.metadata?.uid ?? crypto.randomUUID(),
      resourceVersion: String(this.#version + 1),
    };
    const kept = { ...structuredClone(object), metadata } as Kept;
    if (isDryRun) return kept;
    this.#version += 1;
    this.#objects.set(this.#keyOf(object), kept);
    for (const listener of this.#listeners) listener('set', kept);
    return structuredClone(kept);
  }

  /** What it owns goes with it. */
  #drop(object: Kept): void {
    this.#version += 1;
    this.#objects.delete(this.#keyOf(object));
    for (const listener of this.#listeners) listener('removed', object);
    for (const other of [...this.#objects.values()]) {
      const { ownerReferences = [] } = (other.metadata ?? {}) as { ownerReferences?: { uid: string }[] };
      if (ownerReferences.some(({ uid }) => uid === object.metadata?.uid)) this.#drop(other);
    }
  }

  #found(object: KubernetesObject): Kept | undefined {
    return this.#objects.get(this.#keyOf(object));
  }

  #keyOf(object: KubernetesObject): string {
    return this.#key(kindOf(object), nameOf(object), object.metadata?.namespace);
  }

  #key({ kind, isNamespaced }: Kind, name: string, namespace = this.namespace): string {
    return isNamespaced ? `${kind} ${namespace}/${name}` : `${kind} ${name}`;
  }
}

function nameOf({ metadata }: KubernetesObject): string {
  return metadata?.name ?? '';
}

function fits(object: Kept, { labels = {}, fields }: Selector): boolean {
  const own = object.metadata?.labels ?? {};
  if (!Object.entries(labels).every(([name, value]) => own[name] === value)) return false;
  return (fields?.split(',') ?? []).every((field) => {
    const [path = '', value] = field.split('=');
    const at = path.split('.').reduce<unknown>((within, key) => (within as Fields)?.[key], object);
    return String(at ?? '') === value;
  });
}

function missing(kind: string, name: string): never {
  throw refusal(404, 'NotFound', `${kind} "${name}" not found`);
}
