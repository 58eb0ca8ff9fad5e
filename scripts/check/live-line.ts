/** On a terminal, the last line shows what runs and for how long; elsewhere there is none. */
export class LiveLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #isLive: boolean;
  #running: readonly string[] = [];
  #since = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: NodeJS.WriteStream, env: Readonly<Record<string, string | undefined>>) {
    this.#stream = stream;
    this.#isLive = stream.isTTY && !env.CI && env.TERM !== 'dumb';
    if (this.#isLive) this.#timer = setInterval(this.#draw, 1_000);
  }

  readonly show = (running: readonly string[]): void => {
    this.#running = running;
    this.#draw();
  };

  /** Prints above the line. */
  readonly print = (text: string): void => {
    this.#clear();
    console.log(text);
    this.#draw();
  };

  close(): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  readonly #draw = (): void => {
    if (!this.#isLive || this.#running.length === 0) return;
    const seconds = Math.floor((performance.now() - this.#since) / 1000);
    this.#stream.write(`\r\u001b[K${this.#running.join(', ')} …  ${seconds} s`);
  };

  #clear(): void {
    if (this.#isLive) this.#stream.write('\r\u001b[K');
  }
}
