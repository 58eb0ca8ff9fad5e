/** The hash of a text, in hexadecimal digits. By the runtime itself: to load `node:crypto` takes 8 ms of every command. */
export function sha256(text: string): string {
  return new Bun.CryptoHasher('sha256').update(text).digest('hex');
}
