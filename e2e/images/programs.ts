import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
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

const cosignVersion = 'v2.6.5';

/** cosign, built once from its Go module. */
export async function findCosign(): Promise<string> {
  const folder = await cached(`cosign-${cosignVersion.slice(1)}`, async (beside) => {
    if (!Bun.which('go')) throw new Error('there is no Go here to build it with');
    const module = `github.com/sigstore/cosign/v2/cmd/cosign@${cosignVersion}`;
    await mustRun(['go', 'install', '-trimpath', module], { env: { GOBIN: beside, CGO_ENABLED: '0' } });
  });
  const cosign = join(folder, 'cosign');
  const { exitCode, stderr } = await run([cosign, 'version']);
  if (exitCode !== 0) throw new Error(`${cosign} does not run; remove ${cacheFolder}: ${stderr}`);
  return cosign;
}
