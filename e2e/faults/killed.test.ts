import { expect, setDefaultTimeout, test } from 'bun:test';
import { seededRandom } from '../../src/core/seeded-random.ts';
import { presets } from '../../src/load/shape.ts';
import { replays, seed, sized } from '../proof.ts';
import { runKills } from './kill-run.ts';

const rollouts = sized({ ci: 8, full: 100 });

setDefaultTimeout(rollouts * 60_000);

test(`${rollouts} rollouts under load, processes killed at random: no promise is broken, each loss explained (CAUSEWAY_SEED=${seed})`, async () => {
  const story: string[] = [];

  const { broken, kills, reasons } = await runKills({
    random: seededRandom(seed),
    rollouts,
    kills: 3 * rollouts,
    requests: sized({ ci: 1_000, full: 1_000_000 }),
    shape: presets.mixed({ scale: sized({ ci: 0.2, full: 2 }) }),
    say: (line) => story.push(line),
  });

  expect(broken, `${replays}:\n${story.join('\n')}`).toEqual([]);
  expect(Object.values(kills).reduce((sum, count) => sum + count)).toBeGreaterThan(rollouts);
  console.log(JSON.stringify({ seed, kills, reasons }));
});
