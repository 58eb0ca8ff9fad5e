import { expect, test } from 'bun:test';
import { disruptionBudgetOf } from './disruption-budget.ts';
import { makeShop } from './fixtures.ts';
import { labels, releaseLabel, selectorOf } from './names.ts';

const { place, release } = makeShop();
const stable = { release, secretSet: 'amber' };

test('one replica of the stable release may be evicted at a time, and none is held that serves nobody', () => {
  const { spec } = disruptionBudgetOf({ place, stable });

  expect(spec).toEqual({
    maxUnavailable: 1,
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
    selector: {
      matchLabels: {
        ...selectorOf(place),
        [labels.release]: releaseLabel(release.id),
        [labels.secretSet]: 'amber',
      },
    },
  });
});

test('while stable replicas give way both releases serve, and as many stay as shall be', () => {
  const { spec } = disruptionBudgetOf({ place, stable, givesWay: true });

  expect(spec).toEqual({
    maxUnavailable: 0,
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
    selector: { matchLabels: selectorOf(place) },
  });
});
