export type LifecycleState = 'starting' | 'ready' | 'draining' | 'stopped';

/** Where the service stands on its one-way road from starting to stopped. */
export class Lifecycle {
  #state: LifecycleState = 'starting';

  get state(): LifecycleState {
    return this.#state;
  }

  /** From here on answers ask the client to leave the connection. */
  get isLeaving(): boolean {
    return this.#state === 'draining' || this.#state === 'stopped';
  }

  /** A service that was told to leave while it started does not become ready any more. */
  becomeReady(): void {
    if (this.#state === 'starting') this.#state = 'ready';
  }

  drain(): void {
    if (!this.isLeaving) this.#state = 'draining';
  }

  stop(): void {
    this.#state = 'stopped';
  }
}
