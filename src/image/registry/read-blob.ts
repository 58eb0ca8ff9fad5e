import { UserError } from '../../core/errors.ts';
import { corrupt } from '../corrupt.ts';
import { verified } from '../digest.ts';
import type { Descriptor } from '../oci.ts';
import type { Connection } from './connection.ts';
import type { Answer } from './exchange.ts';
import { Fault } from './fault.ts';

/** A try that brought this much was no failure, however it ended. */
const progressBytes = 1_048_576;

/**
 * The content of a blob as one stream, that goes on where a cut connection left it and fails at its end if the
 * bytes do not fit the digest.
 */
export async function readBlob(
  connection: Connection,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const download = new Download(connection, descriptor, signal);
  const what = `reading ${descriptor.digest} of ${connection.repository}`;
  const first = await connection.patiently(what, signal, () => download.open(0));
  return verified(download.chunks(first, what), descriptor, download.name);
}

/** An answer whose first bytes are had already. */
interface Part {
  readonly answer: Answer;
  readonly skip: number;
}

class Download {
  /** For messages. */
  readonly name: string;
  readonly #connection: Connection;
  readonly #descriptor: Descriptor;
  readonly #signal: AbortSignal;

  constructor(connection: Connection, descriptor: Descriptor, signal: AbortSignal) {
    this.#connection = connection;
    this.#descriptor = descriptor;
    this.#signal = signal;
    this.name = `the blob ${descriptor.digest} of ${connection.name}`;
  }

  /** One try to get what comes from `offset` on. A registry may send the whole all the same. */
  async open(offset: number): Promise<Part> {
    const { digest, size } = this.#descriptor;
    const headers: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
    const answer = await this.#connection.send(
      { method: 'GET', to: `blobs/${digest}`, headers },
      this.#signal,
    );
    if (answer.status === 206 && offset > 0) {
      await this.#refuse(answer, startOf(answer) !== offset, 'comes in another part than the one asked for');
      return { answer, skip: 0 };
    }
    if (answer.status === 200) {
      const told = answer.headers.get('content-length');
      await this.#refuse(
        answer,
        told !== null && Number(told) !== size,
        `has ${told} bytes, and not ${size}`,
      );
      return { answer, skip: offset };
    }
    if (answer.status === 404) throw await this.#missing(answer);
    await this.#refuse(answer, answer.status === 416, `has fewer than the ${size} bytes it should have`);
    const what = `reading ${digest} of ${this.#connection.repository}`;
    throw await this.#connection.refusal(answer, what, this.#signal);
  }

  async *chunks(first: Part, what: string): AsyncGenerator<Uint8Array, void> {
    const { size } = this.#descriptor;
    const tries = this.#connection.tries(what, this.#signal);
    let part: Part | undefined = first;
    let offset = 0;
    let mark = 0;
    while (offset < size || part !== undefined) {
      try {
        part ??= await this.open(offset);
        let skip = part.skip;
        for await (const chunk of part.answer.chunks()) {
          const rest = chunk.subarray(Math.min(skip, chunk.length));
          skip -= chunk.length - rest.length;
          if (rest.length === 0) continue;
          offset += rest.length;
          yield rest;
        }
        if (offset < size) throw new Fault(`ended after ${offset} of ${size} bytes`);
        return;
      } catch (error) {
        part = undefined;
        if (offset - mark >= progressBytes) tries.reset();
        mark = offset;
        await tries.again(error);
      }
    }
  }

  async #refuse(answer: Answer, isWrong: boolean, how: string): Promise<void> {
    if (!isWrong) return;
    await answer.drop();
    throw corrupt(this.name, how);
  }

  async #missing(answer: Answer): Promise<UserError> {
    await answer.drop();
    return new UserError({
      code: 'image_not_found',
      message: `${this.#connection.name} has no blob ${this.#descriptor.digest}`,
      hint: 'have the image pushed again: a part of it is missing',
    });
  }
}

function startOf({ headers }: Answer): number | undefined {
  const start = /^bytes ([0-9]+)-/.exec(headers.get('content-range') ?? '')?.[1];
  return start === undefined ? undefined : Number(start);
}
