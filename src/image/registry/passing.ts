import type { Answer } from './exchange.ts';
import { Fault } from './fault.ts';
import { readRefusal } from './refusal.ts';
import { retryAfterMs } from './tries.ts';

const passing: readonly number[] = [408, 429, 500, 502, 503, 504];

/** Whether another try may be answered better. */
export function isPassing(status: number): boolean {
  return passing.includes(status);
}

/** The fault that such an answer is. */
export async function passingFault(answer: Answer): Promise<Fault> {
  const { words } = await readRefusal(answer);
  return new Fault(`answered ${words}`, { retryAfterMs: retryAfterMs(answer.headers) });
}
