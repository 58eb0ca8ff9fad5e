import { afterAll, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildAhead } from './build-ahead.ts';

const root = mkdtempSync(join(realpathSync(tmpdir()), 'cw-ahead-'));
afterAll(() => rmSync(root, { recursive: true }));

test('a build that is no longer wanted ends with what it started', async () => {
  const build = buildAhead(['sh', '-c', 'sleep 600 & echo $! > pid.new; mv pid.new pid; wait'], { root });
  await until(() => existsSync(join(root, 'pid')));
  const pid = Number(readFileSync(join(root, 'pid'), 'utf8'));

  build.stop();

  await until(() => !isRunning(pid));
});

test('one that ends by itself, or cannot start, is nothing to stop', async () => {
  const build = buildAhead(['sh', '-c', 'nice > niceness.new; mv niceness.new niceness; exit 1'], { root });
  const missing = buildAhead(['no-such-program'], { root });
  await until(() => existsSync(join(root, 'niceness')));

  expect(readFileSync(join(root, 'niceness'), 'utf8')).toBe('19\n');
  build.stop();
  missing.stop();
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await Bun.sleep(5);
}

/** One that has ended and that nobody has asked for runs no longer. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
