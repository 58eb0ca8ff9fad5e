import { join } from 'node:path';
import type { LoadReport } from '../../src/load/report.ts';
import { until } from '../local/project.ts';

export interface Load extends AsyncDisposable {
  /** As it was some hundredths of a second ago. */
  readonly report: () => LoadReport;
  /** Resolves as soon as so many more requests have ended than had when it was called. */
  readonly more: (requests: number, how?: { readonly withinMs?: number }) => Promise<LoadReport>;
  /** Lets what is in flight end. */
  readonly stop: () => Promise<LoadReport>;
}

export interface LoadOptions {
  readonly host: string;
  readonly port: number;
  /** Of 600 requests a second, on kept, idle and new connections. */
  readonly scale: number;
}

/** Load on an address of the cluster, by a process of its own. */
export async function startLoad({ host, port, scale }: LoadOptions): Promise<Load> {
  let latest: LoadReport | undefined;
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, 'load-main.ts'), host, String(port), String(scale)],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      ipc: (report: LoadReport) => {
        latest = report;
      },
    },
  );
  await until('the load has begun', () => {
    if (child.exitCode !== null) throw new Error(`the load ended with ${child.exitCode}`);
    return latest !== undefined;
  });
  return { report, more, stop, [Symbol.asyncDispose]: async () => void (await stop()) };

  function report(): LoadReport {
    if (!latest) throw new Error('the load has not begun');
    return latest;
  }

  async function more(requests: number, how: { readonly withinMs?: number } = {}): Promise<LoadReport> {
    const enough = report().requests + requests;
    await until(`${requests} more requests have ended`, () => report().requests >= enough, how);
    return report();
  }

  async function stop(): Promise<LoadReport> {
    if (child.exitCode === null) child.send('stop');
    await child.exited;
    return report();
  }
}
