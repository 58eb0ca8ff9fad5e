import { expect, test } from 'bun:test';
import { describeCosts } from './costs.ts';

const resources = { cpu: '100m', memory: '256Mi' };

test('what an environment takes is told in a line, replicas of an autoscaler as a range', () => {
  expect(describeCosts({ replicas: 2, resources })).toBe(
    '2 replicas of 100m CPU and 256Mi, in your cluster; twice that in a rollout',
  );
  expect(describeCosts({ replicas: 1, resources })).toStartWith('1 replica of ');
  expect(describeCosts({ replicas: 2, autoscale: { min: 2, max: 5, cpu: 80 }, resources })).toStartWith(
    '2 to 5 replicas of ',
  );
});
