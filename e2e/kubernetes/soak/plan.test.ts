import { expect, test } from 'bun:test';
import { badReleases, faultKinds, planSoak } from './plan.ts';

test('the same seed gives the same soak, and another one another', () => {
  const size = { rounds: 30, faultsPerRound: 2 };

  expect(planSoak(7, size)).toEqual(planSoak(7, size));
  expect(planSoak(7, size)).not.toEqual(planSoak(8, size));
});

test('good and bad releases take turns, and every fault and every bad release has its turn', () => {
  const rounds = planSoak(1, { rounds: 30, faultsPerRound: 2 });

  const rolled = rounds.map(({ rolled }) => rolled);
  const isBad = (one: string) => badReleases.some((bad) => bad === one);
  expect(rolled.map(isBad)).toEqual(rolled.map((_, index) => index % 2 === 1));
  expect(new Set(rolled)).toEqual(new Set(['good', 'rollback', ...badReleases]));
  const faults = rounds.flatMap(({ faults }) => faults);
  expect(faults).toHaveLength(60);
  for (const kind of faultKinds) expect(faults.filter((fault) => fault.kind === kind)).toHaveLength(5);
});

test('the faults of a round come one after the other', () => {
  for (const { faults } of planSoak(3, { rounds: 12, faultsPerRound: 5 })) {
    const times = faults.map(({ afterMs }) => afterMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  }
});
