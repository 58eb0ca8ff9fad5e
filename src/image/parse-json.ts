/** Undefined where the bytes are no JSON, or there are none. */
export function parseJson(bytes: Uint8Array | string | undefined): unknown {
  try {
    return JSON.parse(typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
