import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, cacheFolder } from './cache-folder.ts';
import { mustRun, run } from './run-program.ts';

// The machine's own Debian sources, read by an apt whose lists, cache and architectures lie in the tests'
// cache: nothing is installed, no service starts, and no root is needed.

export type Architecture = 'amd64' | 'arm64';

/** The packages as files, named with their versions: `libc6_2.36-9_amd64.deb`. */
export async function downloadPackages(names: readonly string[]): Promise<readonly string[]> {
  const apt = await openApt();
  const uris = await mustRun([...apt, '--print-uris', 'download', ...names]);
  const files = [...uris.matchAll(/^'[^']+' (\S+)/gm)].map(([, file = '']) => file).sort();
  const folder = await cached(`debs-${hash(files)}`, async (cwd) => {
    await mustRun([...apt, 'download', ...names], { cwd });
  });
  return readdirSync(folder)
    .sort()
    .map((file) => join(folder, file));
}

/** Unpacks programs with all that this machine lacks for them; the folder that stands for the root. */
export async function unpackPrograms(names: readonly string[]): Promise<string> {
  const apt = await openApt();
  const install = ['install', '--yes', '--no-install-recommends'];
  const uris = await mustRun([...apt, '--print-uris', ...install, ...names]);
  const files = [...uris.matchAll(/^'[^']+' (\S+\.deb) /gm)].map(([, file = '']) => file).sort();
  return cached(`programs-${hash(files)}`, async (folder) => {
    const archives = join(folder, 'archives');
    mkdirSync(join(archives, 'partial'), { recursive: true });
    await mustRun([
      ...apt,
      '-o',
      `Dir::Cache::archives=${archives}`,
      ...install,
      '--download-only',
      ...names,
    ]);
    for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
      await mustRun(['dpkg-deb', '--extract', join(archives, file), folder]);
    }
  });
}

/** Which of these packages the sources know. */
export async function knownPackages(names: readonly string[]): Promise<readonly string[]> {
  const [, ...options] = await openApt();
  const found = await mustRun(['apt-cache', ...options, 'policy', ...names]);
  return names.filter((name) => new RegExp(`^${name}:\\n.*\\n {2}Candidate: \\d`, 'm').test(found));
}

const dayMs = 24 * 60 * 60 * 1000;

/** apt-get with its options; the lists of packages are fetched once a day. */
async function openApt(): Promise<readonly string[]> {
  if (!Bun.which('apt-get') || !Bun.which('dpkg-deb')) throw new Error('this machine has no apt-get');
  const folder = join(cacheFolder, 'apt');
  for (const path of ['lists/partial', 'archives/partial']) {
    mkdirSync(join(folder, path), { recursive: true });
  }
  const settings = {
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::extended_states': join(folder, 'extended_states'),
    'Dir::Cache': folder,
    // Containers switch them off; without them each call reads all lists, for a second.
    'Dir::Cache::pkgcache': 'pkgcache.bin',
    'Dir::Cache::srcpkgcache': 'srcpkgcache.bin',
    'Dir::Log': folder,
    'Dir::Log::Terminal': '',
    'Debug::NoLocking': 'true',
    'APT::Sandbox::User': '',
    'APT::Keep-Downloaded-Packages': 'true',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const architectures = ['amd64', 'arm64'].flatMap((name) => ['-o', `APT::Architectures::=${name}`]);
  const apt = ['apt-get', ...options, ...architectures];
  const stamp = join(folder, 'updated');
  const isOld = !existsSync(stamp) || Date.now() - statSync(stamp).mtimeMs > dayMs;
  if (isOld) {
    const { exitCode, stderr } = await run([...apt, '--quiet', '--quiet', 'update']);
    if (exitCode === 0) writeFileSync(stamp, '');
    // Lists of yesterday are as good on a train.
    else if (!existsSync(stamp)) throw new Error(`apt-get update failed: ${stderr.trim()}`);
  }
  return apt;
}

function hash(files: readonly string[]): string {
  return createHash('sha256').update(files.join('\n')).digest('hex').slice(0, 16);
}
