import { expect, test } from 'bun:test';
import { exec } from './remote-process.ts';

/** How a pod's process ends, as the API server tells it: the last message of a connection. */
async function execThatEndsAs(status: object): Promise<number> {
  using server: Bun.Server<undefined> = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request, { upgrade }) =>
      upgrade.call(server, request) ? undefined : new Response(null, { status: 400 }),
    websocket: {
      open(socket) {
        socket.send(new Uint8Array([3, ...new TextEncoder().encode(JSON.stringify(status))]));
        socket.close();
      },
      message: () => undefined,
    },
  });
  const access = { context: 'test', server: server.url.origin, tls: {}, headers: async () => ({}) };
  const streams = { isTerminal: false, output: () => undefined, errors: () => undefined };
  const { signal } = new AbortController();
  return await exec({
    access,
    namespace: 'shop',
    pod: 'shop-1',
    container: 'service',
    streams,
    command: ['sh'],
    signal,
  });
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
