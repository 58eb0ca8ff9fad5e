import { describe, expect, test } from 'bun:test';
import { makeRecord, type RolloutRecord } from './record.ts';
import { makeRelease, type Release } from './release.ts';
import { describeStable, findReturn, refuseWithoutSecrets, stateOf } from './return-to.ts';
import type { Judgement } from './verdict.ts';

const settings = { env: {}, port: 1, paths: ['/'], probes: { timeoutMs: 1 }, drainMs: 1 };
const release = (artifact: string, secrets: string[] = []): Release =>
  makeRelease({ artifact, command: [], settings: { ...settings, secrets } });
const [first, second] = [release('a'), release('b')];

function record(
  { id, artifact }: Release,
  endedAt: number,
  more: Partial<RolloutRecord> & { readonly verdict?: Judgement } = {},
): RolloutRecord {
  return makeRecord({
    id: `rollout-${endedAt}`,
    kind: 'deploy',
    release: id,
    artifact,
    by: 'ada',
    startedAt: 0,
    endedAt,
    verdict: { kind: 'good' },
    traffic: { requests: 0, errors: 0, lost: 0, retried: 0 },
    ...more,
  });
}

describe('a rollback', () => {
  const records = [record(first, 1, { signedBy: ['k1'] }), record(second, 2)];
  const kept = new Map([first, second].map((one) => [one.id, one]));
  const request = {
    environment: 'prod',
    records,
    stable: second.id,
    to: undefined,
    trusted: undefined,
    read: async (id: string) => kept.get(id),
  };

  test('goes to the last good release before the stable one, or to the one that is named', async () => {
    expect(await findReturn(request)).toBe(first);
    expect(await findReturn({ ...request, to: second.id.slice(0, 7) })).toBe(second);
  });

  test('to one whose copy was cleared is refused', async () => {
    const cleared = { ...request, read: async () => undefined };

    expect(findReturn(cleared)).rejects.toMatchObject({ code: 'release_gone' });
  });

  test('to one that no trusted key signed is refused, but for the one that serves', async () => {
    expect(await findReturn({ ...request, trusted: ['k1'] })).toBe(first);
    expect(findReturn({ ...request, trusted: ['k2'] })).rejects.toMatchObject({ code: 'image_unverified' });
    expect(await findReturn({ ...request, trusted: ['k2'], to: second.id })).toBe(second);
  });

  test('to one that needs a secret which is not there any more is refused, by name', () => {
    const needy = release('c', ['KEY', 'TOKEN']);

    expect(() => refuseWithoutSecrets(needy, { TOKEN: 'x' }, 'prod')).toThrow(
      expect.objectContaining({ code: 'preflight_failed', message: expect.stringContaining('needs KEY,') }),
    );
    refuseWithoutSecrets(needy, { KEY: 'x', TOKEN: 'x' }, 'prod');
  });
});

describe('what serves', () => {
  test('has the revision of its last deploy, and the end of its last good rollout', () => {
    const failed: Judgement = { kind: 'failed', cause: 'crashed', message: 'x' };
    const records = [
      record(first, 1, { revision: 'main@1' }),
      record(first, 5, { kind: 'rollback' }),
      record(first, 9, { revision: 'main@9', verdict: failed }),
    ];

    expect(describeStable({ stable: { release: first } }, records)).toEqual({
      stable: { release: first.id, revision: 'main@1', since: 5 },
    });
    expect(describeStable({}, records)).toEqual({});
  });

  test('is told by what is desired, and by why it is not well', () => {
    const stable = { release: first };
    const rollout = { id: 'x', kind: 'deploy', by: 'ada', startedAt: 0, command: 'none' } as const;

    expect(stateOf({ stable }, undefined)).toBe('serving');
    expect(stateOf({ stable }, '1 of 2 replicas ready')).toBe('degraded');
    expect(stateOf({}, undefined)).toBe('empty');
    expect(stateOf({ stable, rollout: { ...rollout, release: 'x', artifact: 'x' } }, 'x')).toBe(
      'rolling-out',
    );
  });
});
