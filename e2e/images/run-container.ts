import { expect } from 'bun:test';
import { until } from '../local/project.ts';
import type { Engine } from './engine.ts';

export interface Container {
  readonly id: string;
  readonly url: string;
  readonly inspect: () => Promise<Inspected>;
  readonly isReady: () => Promise<void>;
  /** Sends the signal, and resolves to the exit code. */
  readonly end: (signal: 'SIGTERM') => Promise<number>;
}

/** As a cluster would: no rights, nothing to write to, no init process; published on loopback. */
export async function runContainer(engine: Engine, image: string): Promise<Container> {
  const { exitCode, stdout, stderr } = await engine.docker(
    'run',
    '--detach',
    '--read-only',
    '--cap-drop=ALL',
    '--security-opt=no-new-privileges',
    '--publish=127.0.0.1::8080',
    '--env=DRAIN_SECONDS=0',
    image,
  );
  if (exitCode !== 0) throw new Error(`${image} does not run: ${stderr}`);
  const id = stdout.trim();
  const inspect = async () => (await (await engine.ask(`/containers/${id}/json`)).json()) as Inspected;
  const url = `http://127.0.0.1:${(await inspect()).NetworkSettings.Ports['8080/tcp']?.[0]?.HostPort}`;
  return {
    id,
    url,
    inspect,
    isReady: () =>
      until(`${image} is ready`, async () => {
        const { State } = await inspect();
        if (!State.Running) throw new Error(`it ended: ${(await engine.docker('logs', id)).stderr}`);
        return fetch(`${url}/readyz`, { keepalive: false }).then(
          ({ ok }) => ok,
          () => false,
        );
      }),
    async end(signal) {
      await engine.ask(`/containers/${id}/kill?signal=${signal}`, { method: 'POST' });
      const ended = (await (await engine.ask(`/containers/${id}/wait`, { method: 'POST' })).json()) as Ended;
      return ended.StatusCode;
    },
  };
}

interface Inspected {
  readonly State: { readonly Running: boolean; readonly Pid: number };
  readonly Config: { readonly User: string; readonly WorkingDir: string };
  readonly HostConfig: object;
  readonly NetworkSettings: { readonly Ports: Readonly<Record<string, readonly { HostPort: string }[]>> };
}

interface Ended {
  readonly StatusCode: number;
}

/** The reference service's answer, byte for byte. */
export async function askContract(url: string): Promise<void> {
  const earliest = Math.floor(Date.now() / 1000);
  const response = await fetch(url, { keepalive: false });
  const body = await response.text();
  const latest = Math.floor(Date.now() / 1000);

  const timestamp = Number(/"timestamp":(\d+)/.exec(body)?.[1]);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  expect(body).toBe(`{"message":"Automate all the things!","timestamp":${timestamp}}`);
  expect(timestamp).toBeGreaterThanOrEqual(earliest);
  expect(timestamp).toBeLessThanOrEqual(latest);
}
