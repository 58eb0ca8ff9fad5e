import { expect, test } from 'bun:test';
import type { Outcome } from './caller.ts';
import { ServiceTally } from './service-tally.ts';

const answered = { ending: { kind: 'answered', status: 200 }, ms: 1, isRetried: false } as Outcome;
const refused = { ending: { kind: 'refused', detail: 'ECONNREFUSED' }, ms: 0, isRetried: false } as Outcome;

test('a request that is refused while every replica is well is lost', async () => {
  const tally = new ServiceTally({ wasTroubled: () => false, settleMs: 1 });
  await tally.add(answered);

  await tally.add(refused);

  expect(tally.report()).toMatchObject({ ok: 1, errors: 0, lost: 1 });
});

test('a request that is refused while a replica is not well is an error of that one', async () => {
  const tally = new ServiceTally({ wasTroubled: () => true, settleMs: 1 });
  await tally.add(answered);

  await tally.add(refused);

  expect(tally.report()).toMatchObject({ ok: 1, errors: 1, lost: 0 });
});

test('before the first answer nothing is lost, as nothing served', async () => {
  const tally = new ServiceTally({ wasTroubled: () => false, settleMs: 1 });

  await tally.add(refused);
  await tally.add(answered);

  expect(tally.report()).toMatchObject({ ok: 1, errors: 0, lost: 0 });
});
