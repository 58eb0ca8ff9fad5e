import { expect, test } from 'bun:test';
import { fits, Target, type TargetRules } from './target.ts';

const rules: TargetRules = {
  intervalMs: 5_000,
  timeoutMs: 2_000,
  path: '/readyz',
  codes: '200-399',
  healthyAfter: 2,
  unhealthyAfter: 2,
  deregistrationMs: 30_000,
};
const slowness = { registrationMs: 3_000, lagMs: 10_000 };

function makeTarget(): Target {
  return new Target({ host: '10.244.0.7', port: 8080 }, { rules, slowness, now: 0 });
}

test('a new target is given requests after its first good check, and not before it is known', () => {
  const target = makeTarget();

  expect([target.state(0), target.state(2_999), target.state(3_000)]).toEqual([
    'registering',
    'registering',
    'initial',
  ]);
  expect(target.isServing(3_000)).toBe(false);
  target.checked(true);
  expect([target.state(3_001), target.isServing(3_001)]).toEqual(['healthy', true]);
});

test('it takes as many bad checks in a row as the group says to fail, and as many good ones to be back', () => {
  const target = makeTarget();
  const states = [true, false, true, false, false, true, true].map((isGood) => {
    target.checked(isGood);
    return target.state(5_000);
  });

  expect(states).toEqual(['healthy', 'healthy', 'healthy', 'healthy', 'unhealthy', 'unhealthy', 'healthy']);
});

test('a target that leaves is given requests for as long as AWS is slow, and finishes what it has after', () => {
  const target = makeTarget();
  target.checked(true);
  target.leave(20_000);
  target.leave(25_000);

  expect(
    [20_000, 29_999, 30_000, 59_999, 60_000].map((now) => [target.state(now), target.isServing(now)]),
  ).toEqual([
    ['leaving', true],
    ['leaving', true],
    ['draining', false],
    ['draining', false],
    ['gone', false],
  ]);
});

test('a target that leaves before it was well is given nothing', () => {
  const target = makeTarget();
  target.leave(1_000);

  expect(target.isServing(1_000)).toBe(false);
});

test('codes are numbers and ranges', () => {
  expect([200, 301, 400].map((status) => fits('200-399', status))).toEqual([true, true, false]);
  expect([200, 201, 204].map((status) => fits('200,204', status))).toEqual([true, false, true]);
});
