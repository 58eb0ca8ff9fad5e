import { expect, test } from 'bun:test';
import { answer } from './message.ts';

test('the answer carries the second of the request', async () => {
  const response = answer(1_529_729_125_999);

  expect(await response.json()).toEqual({
    message: 'Automate all the things!',
    timestamp: 1_529_729_125,
  });
});
