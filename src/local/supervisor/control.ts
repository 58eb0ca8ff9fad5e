import { chmodSync, rmSync } from 'node:fs';
import { UserError } from '../../core/errors.ts';
import type { RolloutEvent } from '../../core/event.ts';
import type { Outcome } from '../../core/roll-out.ts';
import { type Hello, type Message, protocol } from '../protocol.ts';
import { deploySchema, rollbackSchema } from './requests.ts';
import type { Supervisor } from './supervisor.ts';

export interface ControlOptions {
  readonly socket: string;
  readonly supervisor: Supervisor;
  /** Ends the process, after the answer to `POST /stop` has left. */
  readonly onStopped: () => Promise<void>;
}

/** Listens for commands, on a socket that its user alone may open. */
export function openControl({ socket, supervisor, onStopped }: ControlOptions): Bun.Server<undefined> {
  rmSync(socket, { recursive: true, force: true });
  const hello = async (): Promise<Hello> => ({
    protocol,
    pid: process.pid,
    status: await supervisor.status(),
  });
  const server = Bun.serve({
    unix: socket,
    routes: {
      '/status': () => answer(async () => Response.json(await hello())),
      '/watch': (request, self) => {
        self.timeout(request, 0);
        return new Response(
          jsonLines((send) => watch(supervisor, request.signal, async () => send(await hello(), 'level'))),
        );
      },
      '/deploy': {
        POST: async (request, self) => {
          self.timeout(request, 0);
          const asked = deploySchema.parse(await request.json());
          return follow((listen) => supervisor.deploy(asked, listen));
        },
      },
      '/rollback': {
        POST: async (request, self) => {
          self.timeout(request, 0);
          const asked = rollbackSchema.parse(await request.json());
          return follow((listen) => supervisor.rollback(asked, listen));
        },
      },
      '/one-off': { POST: () => answer(async () => Response.json(await supervisor.oneOffStart())) },
      '/stop': {
        POST: async (request, self) => {
          self.timeout(request, 0);
          await supervisor.stop();
          // Those who watch have no end of their own.
          setTimeout(() => void Promise.race([server.stop(), Bun.sleep(graceMs)]).then(onStopped), 0);
          return Response.json({ stopped: true });
        },
      },
    },
    fetch: () => new Response(null, { status: 404 }),
    development: false,
  });
  chmodSync(socket, 0o600);
  return server;
}

/** Events as they happen, then how it ended. A reader that goes away stops nothing. */
function follow(work: (listen: (event: RolloutEvent) => void) => Promise<Outcome>): Response {
  return new Response(
    jsonLines(async (send) => {
      const outcome = await work((event) => {
        const isLevel = event.kind === 'watching' || event.kind === 'starting' || event.kind === 'draining';
        send({ kind: 'event', event } satisfies Message, isLevel ? 'level' : undefined);
      });
      send({ kind: 'outcome', outcome } satisfies Message);
    }),
  );
}

async function watch(supervisor: Supervisor, signal: AbortSignal, tell: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    const change = supervisor.changed();
    await tell();
    await Promise.race([change, Bun.sleep(1000)]);
    await Bun.sleep(20);
  }
}

async function answer(work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    return Response.json(toMessage(error), { status: 409 });
  }
}

function toMessage(error: unknown): Message {
  if (error instanceof UserError) return { kind: 'error', error: error.toJSON() };
  return { kind: 'bug', stack: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** How long answers may take to leave after the last one was given. */
const graceMs = 200;
/** An empty line tells a reader that the supervisor is there, though it has nothing to say. */
const heartbeatMs = 2_000;
/** What a reader that has stalled may fall behind by, in documents. */
const mostBehind = 64;

type Send = (value: unknown, kind?: 'level') => void;

/**
 * A stream of JSON documents, one a line; an error is its last one. A level, which the next one makes obsolete,
 * is left out where the reader does not keep up; what cannot be sent any more is dropped.
 */
function jsonLines(work: (send: Send) => Promise<void>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let isOpen = true;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const send: Send = (value, kind) => {
          const isBehind = (controller.desiredSize ?? 0) <= 0;
          if (isOpen && !(kind === 'level' && isBehind)) {
            controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
          }
        };
        const heartbeat = setInterval(() => {
          if (isOpen && (controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode('\n'));
        }, heartbeatMs);
        void work(send)
          .catch((error: unknown) => send(toMessage(error)))
          .finally(() => {
            clearInterval(heartbeat);
            if (isOpen) controller.close();
            isOpen = false;
          });
      },
      cancel() {
        isOpen = false;
      },
    },
    { highWaterMark: mostBehind },
  );
}
