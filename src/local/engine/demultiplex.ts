/** Before each part: which stream it is of, three zeros, and its length in four bytes, the highest first. */
const headBytes = 8;

/**
 * What a container prints, out of the frames in which the engine sends its two streams:
 * https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
 */
export async function* demultiplex(
  frames: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let head = Buffer.alloc(0);
  let left = 0;
  for await (const chunk of frames) {
    for (let at = 0; at < chunk.length; ) {
      if (left > 0) {
        const part = chunk.subarray(at, at + left);
        at += part.length;
        left -= part.length;
        yield part;
      } else {
        const part = chunk.subarray(at, at + headBytes - head.length);
        at += part.length;
        head = Buffer.concat([head, part]);
        if (head.length < headBytes) continue;
        left = head.readUInt32BE(4);
        head = Buffer.alloc(0);
      }
    }
  }
}
