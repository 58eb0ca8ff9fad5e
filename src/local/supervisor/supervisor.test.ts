import { afterEach, describe, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../core/release.ts';
import type { Rules } from '../../core/step.ts';
import { fakeBaseEnv, makeState } from '../fake-state.ts';
import { Supervisor } from './supervisor.ts';

const opened: { readonly close: () => unknown }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

describe('a rollback where signatures are asked for', () => {
  test('goes to what a key has signed that is trusted now', async () => {
    const { deploy, rollBack } = make();
    const signed = await deploy('good.ts', ['ada', 'bob']);
    await deploy('plain.ts');

    const outcome = await rollBack({ trusted: ['cara', 'bob'] });

    expect(outcome).toMatchObject({ kind: 'ended', record: { kind: 'rollback', release: signed } });
  });

  test.each([
    [['ada'], ['bob'], 'was signed by ada, which image.trust does not name any more'],
    [['ada'], [], 'was signed by ada, which image.trust does not name any more'],
    [undefined, ['ada'], 'was not signed when it was rolled out'],
  ])('to what %p signed is refused where %p are trusted', async (signedBy, trusted, because) => {
    const { deploy, rollBack, supervisor } = make();
    await deploy('good.ts', signedBy);
    const serving = await deploy('plain.ts');

    const refused = rollBack({ trusted });

    await expect(refused).rejects.toMatchObject({
      code: 'image_unverified',
      message: expect.stringContaining(because),
    });
    expect((await supervisor.status()).stable?.release).toBe(serving);
  });

  test('asks nothing of what serves already, nor where none are asked for', async () => {
    const { deploy, rollBack } = make();
    const first = await deploy('good.ts');
    const serving = await deploy('plain.ts');

    expect(await rollBack({ to: serving, trusted: [] })).toEqual({ kind: 'unchanged' });
    expect(await rollBack({})).toMatchObject({ kind: 'ended', record: { release: first } });
  });
});

test('two rollbacks at once are one', async () => {
  const { deploy, rollBack, supervisor } = make();
  const first = await deploy('good.ts');
  await deploy('plain.ts');

  const [one, other, named] = await Promise.all([rollBack({}), rollBack({}), rollBack({ to: first })]);

  expect(one).toMatchObject({ kind: 'ended', record: { release: first, verdict: { kind: 'good' } } });
  expect([other, named]).toEqual([one, one]);
  expect((await supervisor.status()).stable?.release).toBe(first);
});

test('who signed the image is kept in the record of its rollout', async () => {
  const { deploy, outcomes } = make();

  await deploy('good.ts', ['ada']);

  expect(outcomes.at(-1)).toMatchObject({ kind: 'ended', record: { signedBy: ['ada'] } });
});

test('while it is taken down its status says so, and not that what serves is not well', async () => {
  const { deploy, supervisor } = make();
  await deploy('good.ts');

  const stopped = supervisor.stop();

  expect(await supervisor.status()).toMatchObject({ state: 'stopped', because: 'it is being taken down' });
  await stopped;
});

const rules: Rules = {
  bakeMs: 0,
  startMs: 10_000,
  commandMs: 10_000,
  unreachableMs: 10_000,
  allowance: { errorShare: 1, slowdown: 100 },
};

function make() {
  const state = makeState();
  const { paths } = state;
  const supervisor = new Supervisor({
    environment: 'local',
    paths,
    desired: { replicas: 1 },
    baseEnv: fakeBaseEnv,
    onProcess: () => undefined,
    packArchive: () => new ReadableStream(),
    log: () => undefined,
  });
  supervisor.open(0);
  opened.push({ close: () => state[Symbol.dispose]() }, { close: () => supervisor.stop() });
  const outcomes: unknown[] = [];
  const environment = { replicas: 1, rules };
  return {
    supervisor,
    outcomes,
    /** The id of the release. */
    async deploy(fixture: string, signedBy?: string[]): Promise<string> {
      const release = state.release(fixture);
      writeFileSync(join(paths.releases, `${release.id}.json`), canonicalJson(release));
      const about = { secrets: {}, by: 'ada', isAgain: false, environment };
      const outcome = await supervisor.deploy(
        { release, ...about, ...(signedBy ? { signedBy } : {}) },
        () => undefined,
      );
      outcomes.push(outcome);
      return release.id;
    },
    rollBack: (asked: { readonly to?: string; readonly trusted?: string[] }) =>
      supervisor.rollback({ by: 'ada', environment, ...asked }, () => undefined),
  };
}
