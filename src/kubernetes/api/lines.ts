/** A line longer than this is no line. */
const longest = 16 * 1024 * 1024;

/** The lines of a body that may have no end; a last one without a break counts. */
export async function* readLines(body: AsyncIterable<Uint8Array> | null): AsyncGenerator<string> {
  if (!body) return;
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const parts = decoder.decode(chunk, { stream: true }).split('\n');
    parts[0] = rest + parts[0];
    rest = parts.pop() ?? '';
    if (rest.length > longest)
      throw new Error(`a line of the cluster's answer is longer than ${longest} bytes`);
    yield* parts;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}
