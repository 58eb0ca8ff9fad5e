import { expect, test } from 'bun:test';
import { nameImage } from './name-image.ts';

test.each([
  ['prod', 'causeway up prod', 'causeway up prod --image <image>'],
  ['prod', 'then causeway deploy prod again', 'then causeway deploy prod --image <image> again'],
  ['prod', 'causeway up prod --over-budget', 'causeway up prod --image <image> --over-budget'],
  ['prod', 'causeway up prod --image ./out makes it', 'causeway up prod --image ./out makes it'],
  ['prod', 'causeway up other', 'causeway up other'],
  [
    'prod',
    'causeway rollback prod · causeway plan prod',
    'causeway rollback prod · causeway plan prod --image <image>',
  ],
  ['local', 'causeway deploy stores it again', 'causeway deploy --image <image> stores it again'],
  ['local', 'causeway up', 'causeway up --image <image>'],
  ['local', 'causeway up --image ./out', 'causeway up --image ./out'],
  ['local', 'causeway image push uploads it', 'causeway image push uploads it'],
])('where %s takes signed images alone, "%s" is shown as "%s"', (name, text, shown) => {
  expect(nameImage(new Set([name]), text)).toBe(shown);
});

test('elsewhere a text stays as it is', () => {
  expect(nameImage(new Set(), 'causeway up')).toBe('causeway up');
});
