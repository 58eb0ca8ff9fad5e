import { afterEach, describe, expect, test } from 'bun:test';
import type { RolloutEvent } from '../core/event.ts';
import { ControlClient } from './control-client.ts';
import { makeState } from './fake-state.ts';

const opened: { readonly close: () => unknown }[] = [];
const { signal } = new AbortController();

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const event: RolloutEvent = { kind: 'unreachable', cause: 'ü 🌉' };
const outcome = { kind: 'unchanged' } as const;

describe('following a rollout', () => {
  test('tells each event as it comes, then how it ended', async () => {
    const { client, events } = serve(() =>
      lines({ kind: 'event', event }, { kind: 'event', event }, { kind: 'outcome', outcome }),
    );

    const ended = await client.follow('/deploy', {}, events.emit, signal);

    expect(ended).toEqual(outcome);
    expect(events.seen).toEqual([event, event]);
  });

  test('reads lines that come in parts of any size', async () => {
    const text = [
      { kind: 'event', event },
      { kind: 'outcome', outcome },
    ]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join('');
    const { client, events } = serve(() => parts(...Buffer.from(text)));

    const ended = await client.follow('/deploy', {}, events.emit, signal);

    expect(ended).toEqual(outcome);
    expect(events.seen).toEqual([event]);
  });

  test('throws the error that the supervisor found, with its code and hint', async () => {
    const error = { code: 'rollout_running', message: 'a deploy is under way', hint: 'wait' } as const;
    const { client, events } = serve(() => lines({ kind: 'error', error }));

    const ended = client.follow('/deploy', {}, events.emit, signal);

    await expect(ended).rejects.toMatchObject({ name: 'UserError', ...error });
  });

  test('throws what is a bug as one, with the stack', async () => {
    const { client, events } = serve(() => lines({ kind: 'bug', stack: 'Error: x\n    at y' }));

    const ended = client.follow('/deploy', {}, events.emit, signal);

    await expect(ended).rejects.toThrow('in the supervisor: Error: x\n    at y');
  });

  for (const [how, answer] of [
    ['says no more', () => lines({ kind: 'event', event })],
    ['ends in the middle of a line', () => parts(...Buffer.from('{"kind":"eve'))],
    ['is cut off', (end: () => void) => cut(`${JSON.stringify({ kind: 'event', event })}\n`, end)],
  ] as const)
    test(`with a supervisor that ${how} is an error that names its log`, async () => {
      const { client, events } = serve(answer);

      const ended = client.follow('/deploy', {}, events.emit, signal);

      await expect(ended).rejects.toMatchObject({
        code: 'supervisor_failed',
        message: 'the supervisor ended while this command spoke with it',
        hint: expect.stringContaining('supervisor.log'),
      });
    });

  test('ends when it is given up', async () => {
    const giveUp = new AbortController();
    const { client, events } = serve(() => new Response(new ReadableStream({ pull: () => giveUp.abort() })));

    const ended = client.follow('/deploy', {}, events.emit, giveUp.signal);

    await expect(ended).rejects.toMatchObject({ name: 'AbortError' });
  });
});

test('where no supervisor listens, nothing is said of it', async () => {
  const state = makeState();
  opened.push({ close: () => state[Symbol.dispose]() });
  const client = new ControlClient({ paths: state.paths, trace: () => undefined });

  expect(await client.hello()).toBeUndefined();
});

test('every request is told to whoever wants to learn what is done', async () => {
  const { client, traced, socket } = serve(() => Response.json({ stopped: true }));

  await client.call('/stop', {}, signal);

  expect(traced).toEqual([`POST /stop on ${socket}`]);
});

test('a refused call throws the error that the supervisor found', async () => {
  const error = { code: 'environment_missing', message: 'no release serves', hint: 'up' };
  const { client } = serve(() => Response.json({ kind: 'error', error }, { status: 409 }));

  await expect(client.call('/one-off', {}, signal)).rejects.toMatchObject({ name: 'UserError', ...error });
});

function serve(answer: (end: () => void) => Response) {
  const state = makeState();
  const { paths } = state;
  const socket = `${state.folder}/s`;
  const server = Bun.serve({
    unix: socket,
    development: false,
    fetch: () => answer(() => void server.stop(true)),
  });
  opened.push({ close: () => state[Symbol.dispose]() }, { close: () => server.stop(true) });
  const seen: RolloutEvent[] = [];
  const traced: string[] = [];
  return {
    client: new ControlClient({ paths: { ...paths, socket }, trace: (line) => traced.push(line) }),
    events: { seen, emit: (one: RolloutEvent) => void seen.push(one) },
    traced,
    socket,
  };
}

function lines(...values: readonly object[]): Response {
  return new Response(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
}

/** Each byte by itself. */
function parts(...bytes: readonly number[]): Response {
  let next = 0;
  return new Response(
    new ReadableStream({
      async pull(controller) {
        await new Promise(setImmediate);
        const byte = bytes[next++];
        if (byte === undefined) controller.close();
        else controller.enqueue(Uint8Array.of(byte));
      },
    }),
  );
}

/** A beginning, after which the supervisor is gone. */
function cut(text: string, end: () => void): Response {
  let count = 0;
  return new Response(
    new ReadableStream({
      async pull(controller) {
        count += 1;
        if (count === 1) controller.enqueue(Buffer.from(text));
        else {
          end();
          await new Promise(() => undefined);
        }
      },
    }),
  );
}
