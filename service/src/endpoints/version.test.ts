import { expect, test } from 'bun:test';
import { createTestService } from '../../fixtures/test-service.ts';

test('the version says what is configured', async () => {
  const { ask } = createTestService({ env: { RELEASE: '9f3c2a1', REVISION: '4be21c0' } });

  const response = await ask('/version');

  expect(await response.text()).toBe('{"release":"9f3c2a1","revision":"4be21c0","runtime":"bun 1.4.5"}');
});

test('the version leaves out what is not configured', async () => {
  const { ask } = createTestService();

  const response = await ask('/version');

  expect(await response.text()).toBe('{"runtime":"bun 1.4.5"}');
});
