import { expect, test } from 'bun:test';
import type { KeySchema } from '../../src/core/config-keys.ts';
import { variantsAt } from './key-variants.ts';

const near = { properties: { target: { const: 'near' }, wait: { default: '2s' } } };
const far = { properties: { target: { const: 'far' }, wait: { default: '9s' }, region: {} } };
const root: KeySchema = {
  properties: { project: {}, places: { additionalProperties: { anyOf: [near, far] } } },
};

test('a key has a variant for each kind of object that it stands in', () => {
  expect(variantsAt(root, 'places.<name>.wait')).toEqual([
    { schema: { default: '2s' }, kind: '`near`', siblings: ['`near`', '`far`'] },
    { schema: { default: '9s' }, kind: '`far`', siblings: ['`near`', '`far`'] },
  ]);
  expect(variantsAt(root, 'places.<name>.region').map(({ kind }) => kind)).toEqual(['`far`']);
});

test('a key of an object that has no kinds has one variant', () => {
  expect(variantsAt(root, 'project')).toEqual([{ schema: {}, siblings: [] }]);
});
