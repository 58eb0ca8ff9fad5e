/** `1 request`, `12,345 requests`. */
export function count(n: number, word: string): string {
  return `${groupThousands(n)} ${n === 1 ? word : `${word}s`}`;
}

export function groupThousands(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}
