import { describe, expect, test } from 'bun:test';
import { UserError } from './errors.ts';
import { fakeRelease } from './fake-target.ts';
import {
  findGood,
  goodReleases,
  lastGoodBefore,
  makeRecord,
  type RolloutRecord,
  recordSchema,
  refuseUntrusted,
} from './record.ts';
import { failed, type Judgement } from './verdict.ts';

describe('a record', () => {
  const long = {
    'plain text': 'x'.repeat(50_000),
    'control characters': '\u001b[31m\u0000'.repeat(5_000),
    'quotes and backslashes': '"\\'.repeat(20_000),
    Chinese: '部署失敗'.repeat(5_000),
    emoji: '👩‍👩‍👧'.repeat(5_000),
    'half a surrogate pair': '\ud83d'.repeat(5_000),
  };

  test.each(Object.entries(long))('is smaller than 1 kB whatever was printed: %s', (_title, text) => {
    const record = worstCase(text);

    const json = JSON.stringify(record);

    expect(Buffer.byteLength(json)).toBeLessThan(1_000);
    expect(recordSchema.parse(JSON.parse(json))).toEqual(JSON.parse(json));
  });

  test.each(Object.entries(long))(
    'says in every part that it was cut, and cuts no character: %s',
    (_title, text) => {
      const { by, revision, verdict } = worstCase(text);

      if (verdict.kind !== 'failed') throw new Error('it is a failure');
      for (const part of [
        by,
        revision,
        verdict.message,
        verdict.evidence?.exit,
        ...(verdict.evidence?.lines ?? []),
      ]) {
        expect(part).toEndWith('…');
        expect(text).toStartWith(part?.slice(0, -1) ?? 'a part is missing');
      }
    },
  );

  test('keeps the last lines that fit, whole', () => {
    const lines = Array.from({ length: 50 }, (_, index) => `line ${index}`);

    const { verdict } = makeRecord({ ...base, verdict: { ...failed('crashed', 'm'), evidence: { lines } } });

    if (verdict.kind !== 'failed') throw new Error('it is a failure');
    const kept = verdict.evidence?.lines ?? [];
    expect(kept.length).toBeGreaterThan(5);
    expect(kept).toEqual(lines.slice(-kept.length));
  });

  test('gives its verdict all the room that the rest leaves, to its one line first', () => {
    const message = 'a word '.repeat(30).trim();
    const lines = Array.from({ length: 50 }, (_, index) => `line ${index}`);
    const verdict: Judgement = { ...failed('crashed', message), evidence: { exit: 'exit code 1', lines } };

    const record = makeRecord({ ...base, verdict });

    const size = Buffer.byteLength(JSON.stringify(record));
    expect(record.verdict).toMatchObject({ message, evidence: { exit: 'exit code 1' } });
    expect(size).toBeGreaterThan(980);
    expect(size).toBeLessThan(1_000);
  });

  test('cuts at the end of a word', () => {
    const message = 'unpronounceable '.repeat(100);

    const { verdict } = makeRecord({ ...base, verdict: failed('crashed', message) });

    if (verdict.kind !== 'failed') throw new Error('it is a failure');
    expect(verdict.message).toMatch(/^(unpronounceable )+unpronounceable…$/);
  });

  test('that is short is kept as it is', () => {
    const verdict: Judgement = {
      ...failed('crashed', 'exit code 1 after 34 ms'),
      evidence: { exit: 'exit code 1', lines: ['TypeError: x is not a function', '    at main.ts:3:1'] },
    };

    expect(makeRecord({ ...base, verdict })).toEqual({ schemaVersion: 1, ...base, verdict });
  });

  test('names the first disturbances, and how many more there were', () => {
    const pod = (index: number) => `stable replica shop-5f7c9d8b6d-x${index} was deleted`;
    const disturbances = Array.from({ length: 30 }, (_, index) => pod(index));

    const few = makeRecord({ ...base, disturbances: disturbances.slice(0, 2) });
    const many = makeRecord({ ...base, disturbances });

    expect(few.disturbances).toEqual([pod(0), pod(1)]);
    const told = many.disturbances?.length ?? 0;
    expect(many.disturbances).toEqual([...disturbances.slice(0, told - 1), `and ${31 - told} more`]);
  });

  test('of a newer Causeway is read without what this one does not know', () => {
    const newer = { ...makeRecord(base), approvedBy: 'grace' };

    expect(recordSchema.parse(newer)).toEqual(makeRecord(base));
  });
});

describe('the release before', () => {
  test('is the good one that served before', () => {
    const records = [deployed('a'), deployed('b'), deployed('c', 'bad')];

    expect(lastGoodBefore(records, 'b', 'prod')).toBe('a');
  });

  test('goes back one release with each rollback, and then there is none', () => {
    const records = ['a', 'b', 'c', 'd'].map((name) => deployed(name));
    const went: string[] = [];
    let stable = 'd';

    for (let n = 0; n < 3; n += 1) {
      stable = lastGoodBefore(records, stable, 'prod');
      went.push(stable);
      records.push(rolledBack(stable));
    }

    expect(went).toEqual(['c', 'b', 'a']);
    expect(codeOf(() => lastGoodBefore(records, stable, 'prod'))).toBe('nothing_to_roll_back');
  });

  test('goes back beyond a release that was deployed twice', () => {
    const records = ['a', 'b', 'a'].map((name) => deployed(name));

    const first = lastGoodBefore(records, 'a', 'prod');
    records.push(rolledBack(first));
    const second = lastGoodBefore(records, first, 'prod');
    records.push(rolledBack(second));

    expect([first, second]).toEqual(['b', 'a']);
    expect(codeOf(() => lastGoodBefore(records, 'a', 'prod'))).toBe('nothing_to_roll_back');
  });

  test('is not one that was rolled back from', () => {
    const records = [deployed('a'), deployed('b'), rolledBack('a'), deployed('c')];

    expect(lastGoodBefore(records, 'c', 'prod')).toBe('a');
  });

  test('is what served before a rollback to a later one', () => {
    const records = [deployed('a'), deployed('b'), deployed('c'), rolledBack('a'), rolledBack('c')];

    expect(lastGoodBefore(records, 'c', 'prod')).toBe('a');
  });

  test('is another release, not the same with other secrets', () => {
    const records = [deployed('a'), deployed('b'), deployed('b')];

    expect(lastGoodBefore(records, 'b', 'prod')).toBe('a');
  });

  test('is where a bad rollback did not lead', () => {
    const records = [deployed('a'), deployed('b'), deployed('c'), rolledBack('b', 'bad')];

    expect(lastGoodBefore(records, 'c', 'prod')).toBe('b');
  });

  test('is the last good one where nothing serves', () => {
    expect(lastGoodBefore([deployed('a'), deployed('b')], undefined, 'prod')).toBe('b');
  });

  test('is the last good one where the history does not know what serves', () => {
    expect(lastGoodBefore([deployed('a'), deployed('b')], 'z', 'prod')).toBe('b');
  });

  test('is missing where no release was ever good', () => {
    const lookUp = () => lastGoodBefore([deployed('a', 'bad')], undefined, 'prod');

    expect(codeOf(lookUp)).toBe('nothing_to_roll_back');
    expect(lookUp).toThrow('no release was ever found good here');
  });
});

describe('the release of a name', () => {
  const records = [deployed('9f3c2a1d'), deployed('9f3c2a1e'), deployed('4be21c0d', 'bad')];

  test('is found by the start of its id', () => {
    expect(findGood(records, '9f3c2a1d', 'production')).toBe('9f3c2a1d');
    expect(findGood([...records, deployed('7a')], '7', 'production')).toBe('7a');
  });

  test.each([
    ['1234567', 'production never ran release 1234567'],
    ['', "production never ran release ''"],
    ['9f3', '9f3 fits 2 releases of production: 9f3c2a1d, 9f3c2a1e'],
  ])('is none that %p fits', (named, message) => {
    const lookUp = () => findGood(records, named, 'production');

    expect(codeOf(lookUp)).toBe('release_not_found');
    expect(lookUp).toThrow(message);
  });

  test('is nothing to go back to when it was never good', () => {
    expect(codeOf(() => findGood(records, '4be', 'production'))).toBe('release_not_good');
  });

  test('is good when it was good once, whatever came later', () => {
    expect(findGood([deployed('4be'), deployed('4be', 'bad')], '4be', 'production')).toBe('4be');
  });
});

test('good releases are listed latest first, each once', () => {
  const records = [deployed('a'), deployed('b'), deployed('c', 'bad'), rolledBack('a')];

  expect(goodReleases(records)).toEqual(['a', 'b']);
});

const base: Omit<RolloutRecord, 'schemaVersion'> = {
  id: '0197b2d4-7d3c-7000-8000-000000000001',
  kind: 'rollback',
  release: fakeRelease('b').id,
  artifact: `sha256:${fakeRelease('c').id}`,
  replaces: fakeRelease('a').id,
  by: 'ada',
  startedAt: 1_529_729_125_000,
  endedAt: 1_529_729_125_001,
  verdict: { kind: 'good' },
  traffic: { requests: 1, errors: 0, lost: 0, retried: 0 },
};

describe('where signatures are asked for', () => {
  const signed = (release: string, ...signedBy: string[]) => ({ ...deployed(release), signedBy });

  test('a release may be returned to whose image a key signed that is trusted now', () => {
    refuseUntrusted([signed('one', 'old', 'new'), signed('two', 'new')], 'one', ['new']);
  });

  test('what a key signed that is not trusted any more is refused, and so is what nobody signed', () => {
    const refused = (record: RolloutRecord) =>
      codeOf(() => refuseUntrusted([record], record.release, ['new']));

    expect(refused(signed('one', 'old'))).toBe('image_unverified');
    expect(refused(deployed('one'))).toBe('image_unverified');
  });

  test('a rollback leaves the signers of a release as they were told', () => {
    refuseUntrusted([signed('one', 'new'), signed('two', 'new'), rolledBack('one')], 'one', ['new']);
  });
});

function worstCase(text: string): RolloutRecord {
  const most = 9_999_999_999;
  return makeRecord({
    ...base,
    image: `sha256:${'9'.repeat(64)}`,
    signedBy: ['9'.repeat(12), '8'.repeat(12), '7'.repeat(12)],
    by: text,
    revision: text,
    verdict: {
      ...failed('command-unknown', text),
      evidence: { exit: text, lines: Array.from({ length: 20 }, () => text) },
    },
    traffic: { requests: most, errors: most, lost: most, retried: most },
    disturbances: Array.from({ length: 1_000 }, () => text),
  });
}

function deployed(release: string, verdict: 'good' | 'bad' = 'good'): RolloutRecord {
  const judged = verdict === 'good' ? { kind: 'good' as const } : failed('crashed', 'exit code 1');
  return makeRecord({ ...base, kind: 'deploy', release, verdict: judged });
}

function rolledBack(release: string, verdict: 'good' | 'bad' = 'good'): RolloutRecord {
  return { ...deployed(release, verdict), kind: 'rollback' };
}

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof UserError) return error.code;
    throw error;
  }
  return undefined;
}
