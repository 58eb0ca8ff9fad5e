import { expect, test } from 'bun:test';
import type { CloudEvent, CloudPlan, CloudUpRequest } from '../../core/cloud.ts';
import { exitCodeMeanings, exitCodes, UserError } from '../../core/errors.ts';
import type { Chosen } from '../choose-environment.ts';
import type { Cli } from '../cli.ts';
import { Interrupted } from '../interrupted.ts';
import { Board } from '../terminal/board.ts';
import { FakeTerminal } from '../terminal/fake-terminal.ts';
import { makeStyle } from '../terminal/style.ts';
import { raise } from './raise.ts';

const identity = {
  account: '123456789012',
  region: 'eu-central-1',
  caller: 'arn:aws:iam::123456789012:user/ann',
};
const stack = 'shop-production';
const cluster = { stack, resource: 'Cluster', type: 'AWS::EKS::Cluster', fields: [], isAccess: false };
const plan: CloudPlan = {
  identity,
  changes: [{ ...cluster, action: 'create' }],
  price: {
    region: 'eu-central-1',
    pricesOf: 'eu-central-1',
    collectedIn: '2026-11',
    fixed: [{ item: 'EKS cluster', count: 1, perHour: 0.1 }],
    usage: [{ item: 'traffic', price: 0.09, unit: 'GB' }],
    free: ['VPC'],
    perHour: 0.1,
    perDay: 2.4,
    perMonth: 73,
  },
  outlook: { kind: 'ends', hours: 8.5, inAll: 0.85, atWorst: 1.7, exceedsBudget: false },
  budget: '$100 a month',
  usualMs: 12 * 60_000,
};

test('the price is shown, and nothing is made before it was agreed to', async () => {
  const { run, made, said, asked } = terminal({ answers: ['', 'no'] });

  const error = await run().catch((thrown: unknown) => thrown);

  expect(error).toMatchObject({ code: 'not_confirmed' });
  expect(made).toEqual([]);
  expect(said()).toContain('$0.100 an hour, $2.40 a day, $73.00 a month');
  expect(asked).toEqual([
    'mail address that the budget’s alarm tells, or nothing for nobody: ',
    'make 1 change in account 123456789012? yes or no: ',
  ]);
});

test('who says no ends up with the exit code of a cancelled prompt, which its help names', async () => {
  using help = new FakeTerminal();

  const error = await terminal({ answers: ['', 'no'] })
    .run()
    .catch((thrown: unknown) => thrown);

  const { exit } = error as UserError;
  expect(exit).toBe('cancelled');
  expect((await help.call('help', 'up')).stdout).toContain(`${exitCodes[exit]}    ${exitCodeMeanings[exit]}`);
});

test('an address that was typed is planned with, made with, and asked for once', async () => {
  const { run, made, planned } = terminal({ answers: ['ops@example.com', 'yes'] });

  await run();

  expect(planned).toEqual([{}, { budgetEmail: 'ops@example.com' }]);
  expect(made).toEqual([{ budgetEmail: 'ops@example.com' }]);
});

test('an address that is none makes nothing', async () => {
  const { run, made } = terminal({ answers: ['ops'] });

  expect(await run().catch((thrown: unknown) => thrown)).toMatchObject({ code: 'usage_wrong' });
  expect(made).toEqual([]);
});

test('who is told already is not asked for, nor is anybody with --yes', async () => {
  const told = terminal({ answers: ['y'], plan: { ...plan, budgetEmail: 'ops@example.com' } });
  const sure = terminal({ answers: [] });

  await told.run();
  await sure.run({ isSure: true });

  expect(told.asked).toHaveLength(1);
  expect(sure.asked).toEqual([]);
  expect(sure.made).toEqual([{}]);
});

test('with nobody to ask, and over the budget, nothing is made', async () => {
  const alone = terminal({});
  const costly = terminal({
    answers: [],
    plan: { ...plan, outlook: { ...plan.outlook, exceedsBudget: true } as CloudPlan['outlook'] },
  });

  expect(await alone.run().catch((thrown: unknown) => thrown)).toMatchObject({ code: 'usage_wrong' });
  expect(await costly.run({ isSure: true }).catch((thrown: unknown) => thrown)).toMatchObject({
    code: 'budget_exceeded',
  });
  await costly.run({ isSure: true, mayExceed: true });
  expect([alone.made, costly.made]).toEqual([[], [{}]]);
});

test('where it stands as it should, nothing is asked and nothing is made', async () => {
  const { run, made, asked, said } = terminal({ answers: [], plan: { ...plan, changes: [] }, stands: true });

  await run();

  expect([made, asked, said()]).toEqual([[], [], '']);
});

test('a failed resource is told at once, and a stack when it has come to rest', async () => {
  const events: CloudEvent[] = [
    { kind: 'resource', ...cluster, state: 'failed', because: 'no capacity' },
    { kind: 'settled', stack, changed: 24, ms: 600_000 },
  ];
  const { run, said } = terminal({ answers: [], events });

  await run({ isSure: true });

  expect(said()).toContain('Cluster: no capacity');
  expect(said()).toContain('shop-production: 24 changes');
});

test('Ctrl-C says that what was begun goes on', async () => {
  const { run, interrupt } = terminal({ answers: [], onUp: () => interrupt() });

  const error = await run({ isSure: true }).catch((thrown: unknown) => thrown);

  expect(error).toBeInstanceOf(Interrupted);
  expect((error as Interrupted).message).toContain('goes on by itself, and costs what it costs');
});

test('Ctrl-C ends what goes on beside it, when all is made already too', async () => {
  const { run, interrupt } = terminal({ answers: [] });
  const meanwhile = (signal: AbortSignal) =>
    new Promise<void>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
      interrupt();
    });

  const error = await run({ isSure: true, meanwhile }).catch((thrown: unknown) => thrown);

  expect((error as Interrupted).message).toContain('costs what it costs');
});

test('what fails beside it is left to who does it again, and what fails itself ends what goes on beside', async () => {
  const broken = terminal({ answers: [] });
  await broken.run({
    isSure: true,
    meanwhile: async () => {
      throw new UserError({ code: 'registry_unreachable', message: 'it does not answer', hint: '' });
    },
  });
  expect(broken.made).toEqual([{}]);

  const failing = terminal({
    answers: [],
    onUp() {
      throw new UserError({ code: 'cloud_failed', message: 'no capacity', hint: '' });
    },
  });
  let hasEnded = false;
  const meanwhile = async (signal: AbortSignal) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    hasEnded = true;
  };

  const error = await failing.run({ isSure: true, meanwhile }).catch((thrown: unknown) => thrown);

  expect([(error as UserError).code, hasEnded]).toEqual(['cloud_failed', true]);
});

interface TerminalOptions {
  /** What is typed, question by question; without it there is nobody to ask. */
  readonly answers?: string[];
  readonly plan?: CloudPlan;
  readonly stands?: boolean;
  readonly events?: readonly CloudEvent[];
  readonly onUp?: () => void;
}

function terminal({ answers, plan: shown = plan, stands = false, events = [], onUp }: TerminalOptions) {
  const written: string[] = [];
  const planned: CloudUpRequest[] = [];
  const made: CloudUpRequest[] = [];
  const asked: string[] = [];
  const ending = new AbortController();
  const stream = { write: (text: string) => void written.push(text), isTerminal: false, columns: 80 };
  const style = makeStyle({ stream, env: { LANG: 'C.UTF-8' }, isPlain: true });
  const io = {
    stderr: stream,
    now: () => 0,
    every: () => () => {},
    atExit: () => () => {},
    signal: ending.signal,
    ask:
      answers &&
      (async (question: string) => {
        asked.push(question);
        return answers.shift() ?? '';
      }),
  };
  const cli = { io, options: {}, err: style } as unknown as Cli;
  const cloud = {
    plan: async (request: CloudUpRequest) => {
      planned.push(request);
      return shown;
    },
    up: async (request: CloudUpRequest, emit: (event: CloudEvent) => void) => {
      made.push(request);
      for (const event of events) emit(event);
      onUp?.();
      ending.signal.throwIfAborted();
    },
  };
  const chosen = { name: 'production' } as Chosen;
  const state = stands ? 'made' : 'absent';
  return {
    planned,
    made,
    asked,
    said: () => written.join(''),
    interrupt: () => ending.abort(new Error('Ctrl-C')),
    run: async (
      how: Partial<Pick<Parameters<typeof raise>[2], 'isSure' | 'mayExceed' | 'meanwhile'>> = {},
    ) => {
      const board = new Board(io, style);
      const raising = { isSure: false, mayExceed: false, ...how, cloud, state, board };
      await raise(cli, chosen, raising as unknown as Parameters<typeof raise>[2]);
    },
  };
}
