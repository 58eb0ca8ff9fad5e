import { expect, test } from 'bun:test';
import { readTraceparent } from './trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

test.each([
  ['sampled', `00-${TRACE}-${PARENT}-01`],
  ['not sampled', `00-${TRACE}-${PARENT}-00`],
  ['with the random flag of level 2', `00-${TRACE}-${PARENT}-03`],
  ['of a later version', `01-${TRACE}-${PARENT}-01`],
  ['of a later version with more fields', `cc-${TRACE}-${PARENT}-01-what-the-future-holds`],
])('a header %s is read', (_, header) => {
  expect(readTraceparent(header)).toEqual({ traceId: TRACE, parentId: PARENT });
});

test.each([
  ['empty', ''],
  ['of the invalid version ff', `ff-${TRACE}-${PARENT}-01`],
  ['of version 00 with more fields', `00-${TRACE}-${PARENT}-01-more`],
  ['of a later version that goes on without a dash', `01-${TRACE}-${PARENT}-01.more`],
  ['without a trace', `00-${'0'.repeat(32)}-${PARENT}-01`],
  ['without a parent', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['in upper case', `00-${TRACE.toUpperCase()}-${PARENT}-01`],
  ['with a short trace', `00-${TRACE.slice(1)}-${PARENT}-01`],
  ['with a long parent', `00-${TRACE}-${PARENT}0-01`],
  ['without flags', `00-${TRACE}-${PARENT}`],
  ['sent twice', `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`],
  ['with a line end', `00-${TRACE}-${PARENT}-01\n`],
])('a header %s is ignored', (_, header) => {
  expect(readTraceparent(header)).toBeUndefined();
});
