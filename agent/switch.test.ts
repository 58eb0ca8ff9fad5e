import { describe, expect, test } from 'bun:test';
import { type Look, watchOver } from './switch.ts';

const staleMs = 60_000;
const everyMs = 2_000;

describe('the switch', () => {
  test('takes the rollout out when nobody has given a sign of life for so long', async () => {
    const world = makeWorld(({ at }) => ({ beat: at < 30_000 ? `beat ${at}` : 'last', isUnderWay: true }));

    await world.run();

    // The last sign was seen at 30 s.
    expect(world.takenOutAt).toEqual([90_000]);
  });

  test('does nothing as long as there are signs', async () => {
    const world = makeWorld(({ at }) => ({ beat: `beat ${at}`, isUnderWay: at < 600_000 }));

    await world.run();

    expect(world.takenOutAt).toEqual([]);
    expect(world.now()).toBe(600_000);
  });

  test('ends when the rollout is over, however old the last sign is', async () => {
    const world = makeWorld(({ at }) => ({ beat: 'same', isUnderWay: at < 58_000 }));

    await world.run();

    expect(world.takenOutAt).toEqual([]);
  });

  test('counts no time in which the API was away', async () => {
    const world = makeWorld(({ at }) => {
      if (at >= 20_000 && at < 200_000) throw new Error('connection refused');
      return { beat: 'same', isUnderWay: true };
    });

    await world.run();

    expect(world.takenOutAt).toEqual([260_000]);
    expect(world.said[0]).toBe('nothing is known of the rollout: connection refused');
  });

  test('counts no time in which it was stopped itself', async () => {
    const world = makeWorld(() => ({ beat: 'same', isUnderWay: true }), {
      stoppedAt: 30_000,
      forMs: 3_600_000,
    });

    await world.run();

    expect(world.takenOutAt).toEqual([30_000 + 3_600_000 + staleMs]);
  });

  test('goes on watching where the rollout could not be taken out', async () => {
    const world = makeWorld(() => ({ beat: 'same', isUnderWay: true }), { refusals: 1 });

    await world.run();

    expect(world.takenOutAt).toEqual([60_000, 122_000]);
    expect(world.said).toContain('it could not be taken out: somebody else drives it');
  });
});

interface Trouble {
  readonly stoppedAt?: number;
  readonly forMs?: number;
  readonly refusals?: number;
}

function makeWorld(
  look: (world: { readonly at: number }) => Look,
  { stoppedAt = Number.NaN, forMs = 0, refusals = 0 }: Trouble = {},
) {
  let at = 0;
  let isOut = false;
  const takenOutAt: number[] = [];
  const said: string[] = [];
  const run = () =>
    watchOver({
      look: async () => (isOut ? { beat: '', isUnderWay: false } : look({ at })),
      takeOut: async () => {
        takenOutAt.push(at);
        if (takenOutAt.length <= refusals) throw new Error('somebody else drives it');
        isOut = true;
      },
      staleMs,
      everyMs,
      say: (line) => said.push(line),
      signal: new AbortController().signal,
      now: () => at,
      sleep: async (ms) => {
        at += at === stoppedAt ? forMs : ms;
      },
    });
  return { run, takenOutAt, said, now: () => at };
}
