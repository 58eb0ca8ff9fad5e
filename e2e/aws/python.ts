import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from '../images/cache-folder.ts';
import { downloadPackages } from '../images/debian.ts';
import { mustRun, run } from '../images/run-program.ts';

/** Python with what a requirements file names, in an environment of its own in the tests' cache; the program's path. */
export async function findPython(requirements: string): Promise<string> {
  const { program, version } = await findSystemPython();
  const hash = createHash('sha256').update(version).update(readFileSync(requirements)).digest('hex');
  const folder = await cached(`python-packages-${hash.slice(0, 16)}`, async (beside) => {
    await makeEnvironment(program, beside);
    const install = ['-m', 'pip', 'install', '--quiet', '--require-hashes', '--requirement', requirements];
    await mustRun([programOf(beside), ...install], { env: { PIP_DISABLE_PIP_VERSION_CHECK: '1' } });
  });
  return programOf(folder);
}

function programOf(environment: string): string {
  return join(environment, 'bin', 'python');
}

/** What a user has put before it on PATH may be older than the system's own. */
async function findSystemPython(): Promise<{ readonly program: string; readonly version: string }> {
  const ask = 'import sys; assert sys.version_info >= (3, 11); print(sys.version, sys.prefix)';
  for (const program of ['python3', '/usr/bin/python3']) {
    if (!Bun.which(program)) continue;
    const { exitCode, stdout } = await run([program, '-c', ask]);
    if (exitCode === 0) return { program, version: stdout };
  }
  throw new Error('there is no Python 3.11 or later here');
}

async function makeEnvironment(python: string, folder: string): Promise<void> {
  const { exitCode } = await run([python, '-m', 'venv', folder]);
  if (exitCode === 0) return;
  // Debian has what venv takes pip from in a package of its own.
  await mustRun([python, '-m', 'venv', '--clear', '--without-pip', folder]);
  const pip = await unpackPip(join(folder, 'debian'));
  await mustRun([programOf(folder), `${pip}/pip`, 'install', '--quiet', '--no-index', pip]);
  rmSync(join(folder, 'debian'), { recursive: true });
}

/** pip as a wheel, which is a program as it lies there. */
async function unpackPip(folder: string): Promise<string> {
  const archives = await downloadPackages(['python3-pip-whl']);
  mkdirSync(folder);
  for (const archive of archives) await mustRun(['dpkg-deb', '--extract', archive, folder]);
  const wheels = join(folder, 'usr', 'share', 'python-wheels');
  const name = readdirSync(wheels).find((file) => file.startsWith('pip-'));
  if (name === undefined) throw new Error(`there is no pip in ${archives.join(' ')}`);
  return join(wheels, name);
}
