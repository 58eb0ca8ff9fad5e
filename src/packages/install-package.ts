import { createHash, randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Glob } from 'bun';
import { childEnv } from '../core/child-env.ts';
import { UserError } from '../core/errors.ts';

export interface InstallPackageOptions {
  /** Holds the package.json and the package-lock.json that name what is installed. */
  readonly folder: string;
  /** The module that is wanted, below node_modules. */
  readonly entry: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told once, if it takes seconds. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * A module that few users need, as one file: installed by npm as its lockfile says, bundled and kept in the user's cache.
 * The path of that file, which is there at once from the second time on. Throws `package_missing`.
 */
export async function installPackage(options: InstallPackageOptions): Promise<string> {
  const { folder, entry, env, say } = options;
  const name = basename(folder);
  const home = homeOf(env);
  const place = join(home, `${name}-${hashOf(folder, entry)}`);
  const bundle = join(place, `${name}.js`);
  if (existsSync(bundle)) return bundle;
  say(`what reads a ${name}, once; npm fetches it into ${home}`);
  const work = `${place}.${randomUUID()}`;
  try {
    mkdirSync(work, { recursive: true });
    await install(work, options);
    await makeBundle(work, { entry, name });
    takePlace(work, place, bundle);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return bundle;
}

export interface InstallSourcesOptions extends Omit<InstallPackageOptions, 'entry'> {
  /** The module that is wanted, of the folder's own sources. */
  readonly entry: string;
}

/**
 * Installs what the folder's lockfile names into the user's cache, once, and puts its sources beside; the path of the
 * module there. What they import of the product is the product's own, so that its errors are the same on both sides.
 * Throws `package_missing`.
 */
export async function installSources(options: InstallSourcesOptions): Promise<string> {
  const { folder, entry, env, say } = options;
  const name = basename(folder);
  const place = join(homeOf(env), `${name}-${hashOf(folder, '')}`);
  if (!existsSync(join(place, 'node_modules'))) {
    say(`what makes an environment in ${name.toUpperCase()}, once; npm fetches it into ${homeOf(env)}`);
    const work = `${place}.${randomUUID()}`;
    try {
      mkdirSync(work, { recursive: true });
      await install(work, options);
      takePlace(work, place, join(place, 'node_modules'));
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  const product = dirname(folder);
  const sources = await readSources(folder);
  const hash = createHash('sha256')
    .update(`${product} ${Bun.version} ${JSON.stringify(sources)}`)
    .digest('hex')
    .slice(0, 16);
  const bundle = join(place, `sources-${hash}`);
  const module = join(bundle, `${basename(entry, '.ts')}.js`);
  if (existsSync(module)) return module;
  const work = `${bundle}.${randomUUID()}`;
  try {
    await bundleSources(join(folder, entry), join(product, 'src'), work);
    takePlace(work, bundle, module);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return module;
}

async function readSources(folder: string): Promise<readonly (readonly [string, string])[]> {
  const paths = await Array.fromAsync(new Glob('src/**/*.ts').scan(folder));
  const sources = paths.filter((path) => !path.endsWith('.test.ts')).sort();
  return Promise.all(sources.map(async (path) => [path, await Bun.file(join(folder, path)).text()] as const));
}

async function bundleSources(entry: string, product: string, outdir: string): Promise<void> {
  const own: Bun.BunPlugin = {
    name: 'the product’s own modules',
    setup(build) {
      build.onResolve({ filter: /^\.\.?\// }, ({ path, importer }) => {
        const target = join(dirname(importer), path);
        return target.startsWith(`${product}/`) ? { path: target, external: true } : undefined;
      });
    },
  };
  const { success, logs } = await Bun.build({
    entrypoints: [entry],
    outdir,
    target: 'bun',
    packages: 'external',
    splitting: true,
    plugins: [own],
    throw: false,
  });
  if (!success) throw new Error(`${entry} cannot be bundled: ${logs.join('\n')}`);
}

function homeOf(env: InstallPackageOptions['env']): string {
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'causeway', 'packages');
}

function hashOf(folder: string, entry: string): string {
  const hash = createHash('sha256').update(readFileSync(join(folder, 'package-lock.json')));
  return hash.update(`${entry} ${Bun.version}`).digest('hex').slice(0, 16);
}

/** What a user has set for npm otherwise does not count; a registry and a proxy do. */
const flags = [
  '--omit=dev',
  '--include=optional',
  '--ignore-scripts',
  '--package-lock',
  '--install-strategy=hoisted',
  '--engine-strict=false',
  '--global=false',
  '--dry-run=false',
  '--prefer-offline',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=5000',
  '--fetch-timeout=60000',
  '--no-audit',
  '--no-fund',
  '--no-update-notifier',
  '--loglevel=error',
];

async function install(work: string, { folder, env, signal }: InstallPackageOptions): Promise<void> {
  for (const file of ['package.json', 'package-lock.json'])
    copyFileSync(join(folder, file), join(work, file));
  const log = join(work, 'npm.log');
  try {
    const child = Bun.spawn(['npm', 'ci', ...flags], {
      cwd: work,
      env: childEnv(env),
      stdio: ['ignore', Bun.file(log), Bun.file(log)],
      signal,
    });
    const exitCode = await child.exited;
    signal.throwIfAborted();
    if (exitCode === 0) return;
  } catch (cause) {
    signal.throwIfAborted();
    throw failed('npm was not found', 'install Node.js 20 or later, then run this again', { cause });
  }
  const details = await Bun.file(log).text();
  const hint = 'read npm’s message above; a proxy or registry setting is the usual cause';
  throw failed(`npm could not install ${Object.keys(dependenciesOf(folder)).join(', ')}`, hint, { details });
}

function dependenciesOf(folder: string): Readonly<Record<string, string>> {
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return dependencies;
}

async function makeBundle(
  work: string,
  { entry, name }: { readonly entry: string; readonly name: string },
): Promise<void> {
  const entrypoint = join(work, 'node_modules', entry);
  const options = { target: 'bun', minify: true, throw: false } as const;
  const { success, outputs, logs } = await Bun.build({ entrypoints: [entrypoint], ...options });
  const [output] = outputs;
  if (!success || !output) throw new Error(`${entry} cannot be bundled: ${logs.join('\n')}`);
  await Bun.write(join(work, `${name}.js`), output);
  rmSync(join(work, 'node_modules'), { recursive: true });
}

/** Whoever is first leaves it for all; a second one has made the same. */
function takePlace(work: string, place: string, bundle: string): void {
  try {
    renameSync(work, place);
  } catch (error) {
    if (!existsSync(bundle)) throw error;
  }
}

function failed(
  message: string,
  hint: string,
  more: { readonly cause?: unknown; readonly details?: string },
): UserError {
  return new UserError({ code: 'package_missing', message, hint, ...more });
}
