import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cached, cacheFolder } from './cache-folder.ts';
import { knownPackages, unpackPrograms } from './debian.ts';
import { mustRun, run } from './run-program.ts';

export interface Programs {
  /** By name, its path. */
  readonly path: (name: string) => string;
  /** What they need beside the environment of the tests. */
  readonly env: Readonly<Record<string, string>>;
}

/** Debian's own come first: what a user has put into /usr/local may be of another age. */
const systemPath = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Programs of Debian packages: the system's where it has them all, else unpacked into the tests' cache. */
export async function findPrograms(names: readonly string[], packages: readonly string[]): Promise<Programs> {
  const PATH = [...systemPath, process.env.PATH].join(':');
  if (names.every((name) => Bun.which(name, { PATH }) !== null)) return programsOn(PATH, {});
  const root = await unpackPrograms(await knownPackages(packages));
  const own = ['usr/sbin', 'usr/bin', 'sbin', 'bin'].map((folder) => join(root, folder));
  const libraries = ['usr/lib', 'lib'].flatMap((folder) => tripletsOf(join(root, folder)));
  return programsOn([...own, PATH].join(':'), { LD_LIBRARY_PATH: libraries.join(':') });
}

function programsOn(PATH: string, more: Readonly<Record<string, string>>): Programs {
  return {
    env: { PATH, ...more },
    path(name) {
      const path = Bun.which(name, { PATH });
      if (path === null) throw new Error(`${name} is neither on PATH nor in its package`);
      return path;
    },
  };
}

function tripletsOf(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.includes('-linux-'))
    .map((name) => join(folder, name));
}

/** cosign, built once from its Go module. */
export function findCosign(): Promise<string> {
  return findGoProgram({
    package: 'github.com/sigstore/cosign/v2/cmd/cosign',
    version: 'v2.6.5',
    runs: 'version',
  });
}

export interface GoProgram {
  /** Its last part is the program's name. */
  readonly package: string;
  readonly version: string;
  /** The argument with which it only says what it is. */
  readonly runs: string;
}

/** A program of a Go module, with what that module's own go.sum names; built once. */
export async function findGoProgram({ package: path, version, runs }: GoProgram): Promise<string> {
  const name = basename(path);
  const folder = await cached(`${name}-${version.slice(1)}`, async (beside) => {
    if (!Bun.which('go')) throw new Error('there is no Go here to build it with');
    const install = ['go', 'install', '-trimpath', `${path}@${version}`];
    await mustRun(install, { env: { GOBIN: beside, CGO_ENABLED: '0' } });
  });
  const program = join(folder, name);
  const { exitCode, stderr } = await run([program, runs]);
  if (exitCode !== 0) throw new Error(`${program} does not run; remove ${cacheFolder}: ${stderr}`);
  return program;
}
