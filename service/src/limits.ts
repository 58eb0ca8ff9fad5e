import type { Config } from './config.ts';
import { problem } from './problem.ts';

export type Limits = Pick<Config, 'maxBodyBytes' | 'maxHeaderBytes'>;

export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/** The problem to answer when the header, or the body's declared length, is over its limit. */
export function refuseTooLarge(
  request: Request,
  { maxBodyBytes, maxHeaderBytes }: Limits,
): Response | undefined {
  if (maxHeaderBytes !== undefined && headerBytes(request.headers) > maxHeaderBytes) {
    const detail = `the header fields are longer than ${maxHeaderBytes} bytes`;
    return problem({ status: 431, detail, headers: { connection: 'close' } });
  }
  if (!hasBody(request)) return undefined;
  const declared = Number(request.headers.get('content-length'));
  return declared > maxBodyBytes ? refuseBody({ maxBodyBytes }) : undefined;
}

export function refuseBody({ maxBodyBytes }: Pick<Limits, 'maxBodyBytes'>): Response {
  const detail = `the body is longer than ${maxBodyBytes} bytes`;
  return problem({ status: 413, detail, headers: { connection: 'close' } });
}

/** The same request; a body of undeclared length ends in `BodyTooLarge` when it grows over the limit. */
export function boundBody(request: Request, { maxBodyBytes }: Limits): Request {
  if (!hasBody(request) || !request.headers.has('transfer-encoding') || request.body === null) return request;
  let bytes = 0;
  const bound = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.length;
      if (bytes > maxBodyBytes) controller.error(new BodyTooLarge());
      else controller.enqueue(chunk);
    },
  });
  return new Request(request, { body: request.body.pipeThrough(bound) });
}

/** As they stand on the wire: name, colon, space, value, line end. */
function headerBytes(headers: Headers): number {
  let bytes = 0;
  headers.forEach((value, name) => {
    bytes += name.length + value.length + 4;
  });
  return bytes;
}

/** The runtime never reads the body of a GET or a HEAD. */
function hasBody({ method }: Request): boolean {
  return method !== 'GET' && method !== 'HEAD';
}
