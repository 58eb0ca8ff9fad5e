export interface Clock {
  /** Milliseconds since 1970, as the calendar has them. */
  now(): number;
  /** Milliseconds since some start, which never run backwards. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
