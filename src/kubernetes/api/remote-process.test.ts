import { expect, test } from 'bun:test';
import { attachInput, exec, type RemoteProcessOptions } from './remote-process.ts';

interface Ending {
  /** What the API server sends on the channel of the status, before it closes the connection. */
  readonly statuses: readonly string[];
  readonly asked?: (url: URL) => void;
}

async function joinThatEndsAs<T>(
  { statuses, asked = () => undefined }: Ending,
  join: (options: Omit<RemoteProcessOptions, 'streams'>) => Promise<T>,
): Promise<T> {
  using server: Bun.Server<undefined> = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request, { upgrade }) {
      asked(new URL(request.url));
      return upgrade.call(server, request) ? undefined : new Response(null, { status: 400 });
    },
    websocket: {
      open(socket) {
        for (const status of statuses) socket.send(new Uint8Array([3, ...new TextEncoder().encode(status)]));
        socket.close();
      },
      message: () => undefined,
    },
  });
  const access = { context: 'test', server: server.url.origin, tls: {}, headers: async () => ({}) };
  const { signal } = new AbortController();
  return await join({ access, namespace: 'shop', pod: 'shop-1', container: 'service', signal });
}

function execThatEndsAs(status: object): Promise<number> {
  const streams = { isTerminal: false, output: () => undefined, errors: () => undefined };
  return joinThatEndsAs({ statuses: [JSON.stringify(status)] }, (options) =>
    exec({ ...options, streams, command: ['sh'] }),
  );
}

test('a process that ends tells its exit code', async () => {
  expect(await execThatEndsAs({ status: 'Success' })).toBe(0);
  const causes = [{ reason: 'ExitCode', message: '4' }];
  expect(await execThatEndsAs({ status: 'Failure', reason: 'NonZeroExitCode', details: { causes } })).toBe(4);
});

test('a program that the image does not have is named, without what the runtime says around it', async () => {
  const message =
    'Internal error occurred: error executing command in container: failed to start exec "f86be": OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": executable file not found in $PATH: unknown';

  await expect(execThatEndsAs({ status: 'Failure', message })).rejects.toMatchObject({
    code: 'one_off_failed',
    message: 'sh is not in the image',
  });
});

test('another reason is told as the cluster gives it', async () => {
  const message = 'container not found ("service")';

  await expect(execThatEndsAs({ status: 'Failure', message })).rejects.toMatchObject({
    code: 'one_off_failed',
    message: `exec in shop-1 could not start: ${message}`,
  });
});

test('who gives input alone is told first that it is joined, which is no end', async () => {
  const asked: URL[] = [];
  const input = new Blob(['one']).stream();
  const give = (options: Omit<RemoteProcessOptions, 'streams'>) => attachInput({ ...options, input });

  await joinThatEndsAs({ statuses: ['', '{"status":"Success"}'], asked: (url) => asked.push(url) }, give);
  const cut = joinThatEndsAs({ statuses: [''] }, (options) => attachInput({ ...options, input: nothing() }));

  expect(asked.map(({ search }) => search)).toEqual([
    '?container=service&stdout=false&stderr=false&stdin=true&tty=false',
  ]);
  await expect(cut).rejects.toMatchObject({ code: 'environment_unreachable' });
});

async function* nothing(): AsyncGenerator<Uint8Array> {}
