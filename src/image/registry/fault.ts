/** What went wrong on the way to a registry and may pass: tried again. The text follows the host's name. */
export class Fault extends Error {
  /** What the registry asks for before the next try. */
  readonly retryAfterMs: number | undefined;

  constructor(because: string, { retryAfterMs, cause }: FaultOptions = {}) {
    super(because, { cause });
    this.name = 'Fault';
    this.retryAfterMs = retryAfterMs;
  }
}

interface FaultOptions {
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}
