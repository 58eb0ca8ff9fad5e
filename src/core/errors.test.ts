import { describe, expect, test } from 'bun:test';
import { errorKinds, exitCodeMeanings, exitCodes, UserError } from './errors.ts';

describe('an error for the user', () => {
  const cause = new Error('ECONNREFUSED');
  const error = new UserError({
    code: 'release_not_found',
    message: 'production never ran release 9f3c2a1',
    hint: 'causeway releases production lists the releases you can return to',
    cause,
  });

  test('ends the command as its code says', () => {
    expect(error.exit).toBe('failed');
    expect(error.cause).toBe(cause);
  });

  test('may end it otherwise this time', () => {
    const first = new UserError({ code: 'rollout_failed', message: 'm', hint: 'h', exit: 'failed' });

    expect(errorKinds.rollout_failed.exit).toBe('takenBack');
    expect(first.exit).toBe('failed');
  });

  test('is the same after it went through a socket, but for its cause', () => {
    const told = new UserError(JSON.parse(JSON.stringify(error)));

    expect(told.toJSON()).toEqual(error.toJSON());
    expect(JSON.stringify(error)).not.toContain('ECONNREFUSED');
  });

  test('keeps its details on the way', () => {
    const detailed = new UserError({ code: 'test_failed', message: 'm', hint: 'h', details: '1 fail' });

    expect(detailed.toJSON().details).toBe('1 fail');
  });
});

describe('the registry', () => {
  test.each(Object.entries(errorKinds))('says of %s what it means, in whole sentences', (code, { about }) => {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(about).toMatch(/^[A-Z].*\.$/);
  });

  test('has one number and one meaning for each way to end', () => {
    const numbers = Object.values(exitCodes);

    expect(new Set(numbers).size).toBe(numbers.length);
    expect(Object.keys(exitCodeMeanings)).toEqual(Object.keys(exitCodes));
  });
});
