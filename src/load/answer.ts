export type Progress = 'more' | 'done' | 'malformed';

/**
 * Reads one HTTP/1.1 answer from bytes that may be split anywhere (RFC 9112). It is strict: what a lenient
 * client would forgive is malformed here, for a front that mangles answers must not pass. Used again for the
 * next answer after `reset`.
 */
export class AnswerParser {
  status = 0;
  release: string | undefined;
  replica: string | undefined;
  hasBegun = false;
  /** The connection cannot carry another request after this answer. */
  closes = false;
  bodyBytes = 0;
  /** Why the answer is malformed. */
  fault: string | undefined;

  #stage: Stage = 'head';
  #isHead = false;
  #keepsBody = false;
  #bytes: Buffer = nothing;
  #at = 0;
  #left = 0;
  #line = '';
  #start: Buffer[] = [];
  #startLength = 0;
  #body: Buffer[] = [];

  /** An answer to HEAD has no body, whatever its head says. The body is kept only when somebody will look. */
  reset({ method, keepsBody }: { readonly method: string; readonly keepsBody: boolean }): void {
    this.status = 0;
    this.release = undefined;
    this.replica = undefined;
    this.hasBegun = false;
    this.closes = false;
    this.bodyBytes = 0;
    this.fault = undefined;
    this.#stage = 'head';
    this.#isHead = method === 'HEAD';
    this.#keepsBody = keepsBody;
    this.#bytes = nothing;
    this.#at = 0;
    this.#left = 0;
    this.#line = '';
    this.#start = [];
    this.#startLength = 0;
    this.#body = [];
  }

  push(bytes: Buffer): Progress {
    if (bytes.length === 0) return this.#progress();
    this.hasBegun = true;
    this.#remember(bytes);
    const isHeadSplit = this.#stage === 'head' && this.#bytes.length > 0;
    this.#bytes = isHeadSplit ? Buffer.concat([this.#bytes, bytes]) : bytes;
    this.#at = 0;
    while (this.#stage !== 'done' && this.fault === undefined && this.#read()) {
      // Each turn reads one part of the answer, until the bytes run out.
    }
    if (this.#stage === 'done' && this.#at < this.#bytes.length) this.fault ??= 'bytes after the end';
    return this.#progress();
  }

  /** The connection was closed: an answer that ends with its connection is whole only if the close was clean. */
  close({ isClean }: { readonly isClean: boolean }): 'done' | 'cut' {
    if (this.#stage === 'done') return 'done';
    return this.#stage === 'until-close' && isClean ? 'done' : 'cut';
  }

  body(): Buffer {
    return this.#body.length === 1 ? (this.#body[0] ?? nothing) : Buffer.concat(this.#body);
  }

  firstBytes(): string {
    return Buffer.concat(this.#start).toString('latin1', 0, startLimit);
  }

  #progress(): Progress {
    if (this.fault !== undefined) return 'malformed';
    return this.#stage === 'done' ? 'done' : 'more';
  }

  #remember(bytes: Buffer): void {
    if (this.#startLength >= startLimit) return;
    this.#start.push(bytes);
    this.#startLength += bytes.length;
  }

  /** Reads what the stage asks for; false when more bytes are needed. */
  #read(): boolean {
    switch (this.#stage) {
      case 'head':
        return this.#readHead();
      case 'fixed':
        return this.#readBody('done');
      case 'until-close':
        this.#left = this.#bytes.length - this.#at;
        this.#readBody('until-close');
        return false;
      case 'chunk-size':
        return this.#readChunkSize();
      case 'chunk':
        return this.#readBody('chunk-end');
      case 'chunk-end':
        return this.#readChunkEnd();
      case 'trailer':
        return this.#readTrailer();
      case 'done':
        return false;
    }
  }

  #readHead(): boolean {
    const bytes = this.#bytes;
    const end = bytes.indexOf(headEnd, this.#at);
    if (end === -1) {
      const seen = bytes.toString('latin1', this.#at, this.#at + 5);
      if (!'HTTP/'.startsWith(seen)) this.fault = 'not an HTTP answer';
      if (bytes.length - this.#at > headLimit) this.fault = `head larger than ${headLimit} bytes`;
      this.#bytes = bytes.subarray(this.#at);
      return false;
    }
    const head = bytes.toString('latin1', this.#at, end);
    this.#at = end + headEnd.length;
    this.#understand(head);
    return true;
  }

  /** What follows the head, by RFC 9112 §6.3. */
  #understand(head: string): void {
    const lines = head.split('\r\n');
    const match = statusLine.exec(lines[0] ?? '');
    if (match === null) {
      this.fault = 'status line';
      return;
    }
    const isOld = match[1] === '0';
    this.status = Number(match[2]);
    if (this.status < 200 && this.status !== 101) return;

    let length: string | undefined;
    let encoding: string | undefined;
    let connection = '';
    for (let index = 1; index < lines.length; index++) {
      const line = lines[index] ?? '';
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      if (colon < 1 || badInName.test(name) || badInLine.test(line)) {
        this.fault = `header line ${JSON.stringify(line)}`;
        return;
      }
      if (name === 'content-length') {
        const value = line.slice(colon + 1).trim();
        if (!/^\d{1,15}$/.test(value) || (length !== undefined && length !== value)) {
          this.fault = `content-length ${JSON.stringify(value)}`;
          return;
        }
        length = value;
      } else if (name === 'transfer-encoding') {
        encoding = (encoding === undefined ? '' : `${encoding},`) + line.slice(colon + 1).trim();
      } else if (name === 'connection') {
        connection += `${line.slice(colon + 1)},`;
      } else if (name === 'x-release') {
        this.release = line.slice(colon + 1).trim();
      } else if (name === 'x-replica') {
        this.replica = line.slice(colon + 1).trim();
      }
    }

    this.closes = isOld ? !/\bkeep-alive\b/i.test(connection) : /\bclose\b/i.test(connection);
    if (this.status === 101) {
      this.closes = true;
      this.#stage = 'done';
    } else if (this.#isHead || this.status === 204 || this.status === 304) {
      this.#stage = 'done';
    } else if (encoding !== undefined) {
      if (encoding.toLowerCase() !== 'chunked' || isOld)
        this.fault = `transfer-encoding ${JSON.stringify(encoding)}`;
      if (length !== undefined) this.fault = 'both content-length and transfer-encoding';
      this.#stage = 'chunk-size';
    } else if (length !== undefined) {
      this.#left = Number(length);
      this.#stage = this.#left === 0 ? 'done' : 'fixed';
    } else {
      this.closes = true;
      this.#stage = 'until-close';
    }
  }

  #readBody(next: Stage): boolean {
    const count = Math.min(this.#left, this.#bytes.length - this.#at);
    if (count === 0) return false;
    if (this.#keepsBody) this.#body.push(this.#bytes.subarray(this.#at, this.#at + count));
    this.bodyBytes += count;
    this.#at += count;
    this.#left -= count;
    if (this.#left > 0) return false;
    this.#stage = next;
    return true;
  }

  #readChunkSize(): boolean {
    const line = this.#readLine();
    if (line === undefined) return false;
    const match = chunkSize.exec(line);
    if (match === null) {
      this.fault = `chunk size ${JSON.stringify(line)}`;
      return false;
    }
    this.#left = Number.parseInt(match[1] ?? '', 16);
    this.#stage = this.#left === 0 ? 'trailer' : 'chunk';
    return true;
  }

  #readChunkEnd(): boolean {
    const line = this.#readLine();
    if (line !== '' && (line !== undefined || !'\r'.startsWith(this.#line))) {
      this.fault = 'chunk longer than its size';
      return false;
    }
    if (line === undefined) return false;
    this.#stage = 'chunk-size';
    return true;
  }

  #readTrailer(): boolean {
    const line = this.#readLine();
    if (line === undefined) return false;
    if (line === '') this.#stage = 'done';
    else if (line.indexOf(':') < 1) this.fault = `trailer ${JSON.stringify(line)}`;
    return true;
  }

  /** A line without its end, or undefined while its end is missing. */
  #readLine(): string | undefined {
    const end = this.#bytes.indexOf(lineFeed, this.#at);
    const stop = end === -1 ? this.#bytes.length : end;
    this.#line += this.#bytes.toString('latin1', this.#at, stop);
    this.#at = end === -1 ? stop : stop + 1;
    if (this.#line.length > lineLimit) this.fault = `line longer than ${lineLimit} bytes`;
    if (end === -1) return undefined;
    const line = this.#line;
    this.#line = '';
    if (!line.endsWith('\r')) this.fault ??= 'line ends without CR';
    return line.slice(0, -1);
  }
}

type Stage = 'head' | 'fixed' | 'until-close' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'done';

const nothing: Buffer = Buffer.alloc(0);
const headEnd = Buffer.from('\r\n\r\n');
const lineFeed = 10;
const headLimit = 64 * 1024;
const lineLimit = 8 * 1024;
const startLimit = 200;
const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/;
const badInName = /[^!#$%&'*+.^_`|~0-9a-z-]/;
const badInLine = /[\r\n\0]/;
const chunkSize = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i;
