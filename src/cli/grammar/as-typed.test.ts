import { expect, test } from 'bun:test';
import { asTyped, flag } from './as-typed.ts';

test('what was typed is told as a shell reads it, and what was not is left out', () => {
  const words = [
    'registry.example.com/team/shop',
    ...flag('--tag', undefined),
    ...flag('--config', "my team's.ts"),
  ];

  const typed = asTyped('causeway image push', [...words, false]);

  expect(typed).toBe("causeway image push registry.example.com/team/shop --config 'my team'\\''s.ts'");
});
