import type { Api, Selector } from '../api/api.ts';
import type { Kind, KubernetesObject } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';

export interface KindCacheOptions<T extends KubernetesObject> {
  readonly api: Api;
  readonly kind: Kind<T>;
  readonly selector: Selector;
  readonly onChange: () => void;
  /** What may be watched by few: without the right to it there is none. */
  readonly isOptional?: boolean;
}

/** All objects of a kind, as they are now. */
export class KindCache<T extends KubernetesObject> {
  readonly #options: KindCacheOptions<T>;
  readonly #objects = new Map<string, T>();
  #watching = new AbortController();
  #isListed = false;
  #failure: unknown;

  constructor(options: KindCacheOptions<T>) {
    this.#options = options;
    this.#watching.abort();
  }

  /** Since the last start all of them were listed. */
  get isListed(): boolean {
    return this.#isListed;
  }

  get all(): readonly T[] {
    if (this.#failure !== undefined) throw this.#failure;
    return [...this.#objects.values()];
  }

  /** Begins anew: nothing that was seen before counts. */
  start(): void {
    this.stop();
    const watching = new AbortController();
    this.#watching = watching;
    this.#isListed = false;
    this.#failure = undefined;
    this.#follow(watching.signal).catch((error: unknown) => {
      if (watching.signal.aborted) return;
      if (!(this.#options.isOptional && error instanceof ApiRefusal)) this.#failure = error;
      this.#isListed = true;
      this.#options.onChange();
    });
  }

  stop(): void {
    this.#watching.abort();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { api, kind, selector, onChange } = this.#options;
    for await (const change of api.watch(kind, selector, signal)) {
      if (signal.aborted) return;
      if (change.kind === 'listed') {
        this.#objects.clear();
        for (const item of change.items) this.#objects.set(uidOf(item), item);
        this.#isListed = true;
      } else if (change.kind === 'set') this.#objects.set(uidOf(change.item), change.item);
      else this.#objects.delete(uidOf(change.item));
      onChange();
    }
  }
}

function uidOf({ metadata }: KubernetesObject): string {
  return metadata?.uid ?? '';
}
