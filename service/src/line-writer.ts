/** Writes some of the bytes and resolves with how many, or rejects with an error that has a `code`. */
export type WriteBytes = (bytes: Uint8Array) => Promise<number>;

export interface LineWriterOptions {
  readonly write: WriteBytes;
  readonly wait: (ms: number) => Promise<void>;
}

/**
 * Gathers lines and writes them together, never waiting for their reader: a full pipe keeps them here
 * until there is room, whether it blocks (the write is in a thread of its own) or answers EAGAIN. Only
 * past `MAX_HELD_BYTES`, or when the reader is gone, lines are dropped, and counted.
 */
export class LineWriter {
  readonly #write: WriteBytes;
  readonly #wait: (ms: number) => Promise<void>;
  #text = '';
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isFlushDue = false;
  #isReaderGone = false;
  #dropped = 0;
  #writing: Promise<void> | undefined;

  constructor({ write, wait }: LineWriterOptions) {
    this.#write = write;
    this.#wait = wait;
  }

  get droppedLines(): number {
    return this.#dropped;
  }

  /** Takes one line, its newline included. Never throws. */
  line(text: string): void {
    if (this.#isReaderGone || this.#heldBytes > MAX_HELD_BYTES) {
      this.#dropped++;
      return;
    }
    this.#text += text;
    if (this.#text.length >= FLUSH_AT_CHARACTERS) this.#flush();
    else if (!this.#isFlushDue) void this.#flushLater();
  }

  /** Resolves when every line is written, or when the reader took nothing for a second. */
  async close(): Promise<void> {
    for (;;) {
      this.#flush();
      const before = this.#heldBytes;
      if (before === 0) return;
      await Promise.race([this.#writing, this.#wait(GIVE_UP_AFTER_MS)]);
      if (this.#heldBytes === before) return;
    }
  }

  async #flushLater(): Promise<void> {
    this.#isFlushDue = true;
    await this.#wait(FLUSH_AFTER_MS);
    this.#isFlushDue = false;
    this.#flush();
  }

  #flush(): void {
    if (this.#text === '') return;
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    this.#writing ??= this.#writeHeld();
  }

  async #writeHeld(): Promise<void> {
    for (let first = this.#held[0]; first !== undefined; first = this.#held[0]) {
      try {
        this.#forget(await this.#write(first));
      } catch (error) {
        if (isForNow(error)) await this.#wait(RETRY_AFTER_MS);
        else this.#giveUp();
      }
    }
    this.#writing = undefined;
  }

  #forget(written: number): void {
    const first = this.#held[0];
    if (first === undefined) return;
    if (written < first.length) this.#held[0] = first.subarray(written);
    else this.#held.shift();
    this.#heldBytes -= written;
  }

  #giveUp(): void {
    this.#isReaderGone = true;
    for (const bytes of this.#held) this.#dropped += countLines(bytes);
    this.#held = [];
    this.#heldBytes = 0;
  }
}

const FLUSH_AT_CHARACTERS = 65_536;
const FLUSH_AFTER_MS = 100;
const RETRY_AFTER_MS = 5;
const GIVE_UP_AFTER_MS = 1000;
const MAX_HELD_BYTES = 8 * 2 ** 20;
const NEWLINE = 10;

function isForNow(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EAGAIN' || code === 'EINTR';
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === NEWLINE) lines++;
  return lines;
}
