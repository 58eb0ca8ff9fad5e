import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTarDecoder } from 'modern-tar';
import { childEnv } from '../core/child-env.ts';
import { UserError } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import type { BlobCache } from './blob-cache.ts';
import { decompress } from './gzip.ts';
import type { ImageLayer } from './image.ts';
import type { EmitImage } from './image-event.ts';
import { cachedLayer } from './layer-cache.ts';
import { packStream } from './pack-stream.ts';
import { type RuntimePackage, runtimeFolder, runtimeMissing, runtimePackage } from './runtime-package.ts';
import { readFrom } from './write-file.ts';

export interface RuntimeRequest {
  readonly platform: Platform;
  /** Causeway's own folder. */
  readonly home: string;
  readonly cache: BlobCache;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly emit: EmitImage;
  readonly signal: AbortSignal;
  /** When npm has had its time. Default: five minutes after it began. */
  readonly deadline?: AbortSignal;
}

/** For 40 MB over a slow line. */
const usualPatienceMs = 300_000;

/**
 * Bun as `usr/local/bin/bun`. The package's tarball is compared with the lockfile before anything is taken
 * from it; what lies in `node_modules` could not be, because npm notes only the tarball's digest.
 */
export async function runtimeLayer(request: RuntimeRequest): Promise<ImageLayer> {
  const { platform, home, cache, emit, signal } = request;
  const origin = await runtimePackage(platform, home);
  return cachedLayer({
    role: 'runtime',
    note: `runtime ${origin.integrity}`,
    what: `Bun ${origin.version} for ${platform}`,
    pack: (inner) => packRuntime(origin, { ...request, signal: inner }),
    cache,
    emit,
    signal,
  });
}

async function* packRuntime(origin: RuntimePackage, request: RuntimeRequest): AsyncGenerator<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'causeway-runtime-'));
  try {
    yield* packBinary(await fetchPackage(origin, folder, request), origin);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The path of the package's tarball, which is what the lockfile says. */
async function fetchPackage(
  { name, version, integrity }: RuntimePackage,
  folder: string,
  { emit, ...request }: RuntimeRequest,
): Promise<string> {
  emit({ kind: 'fetching', what: `${name}@${version}` });
  const words = [
    'pack',
    `${name}@${version}`,
    '--loglevel=error',
    '--pack-destination',
    folder,
    '--prefer-offline',
  ];
  const { exitCode, output, isLate } = await runNpm(words, request);
  const file = output.trim().split('\n').at(-1) ?? '';
  if (exitCode !== 0 || file === '') {
    throw new UserError({
      code: 'runtime_missing',
      message: `npm pack ${name}@${version} ${isLate ? 'did not end in time and was stopped' : `brought nothing and ended with exit code ${exitCode}`}`,
      hint: 'see that npm reaches its registry: npm ping',
      details: output.trim(),
    });
  }
  const path = join(folder, file);
  const hash = createHash('sha512');
  for await (const chunk of readFrom(path)) hash.update(chunk);
  const found = `sha512-${hash.digest('base64')}`;
  if (found === integrity) return path;
  throw runtimeMissing(
    `${name}@${version} came with the digest ${found}, and package-lock.json says ${integrity}`,
    'clear what npm keeps, then try again: npm cache clean --force; or ask who keeps your registry',
  );
}

interface NpmEnd {
  readonly exitCode: number;
  readonly output: string;
  readonly isLate: boolean;
}

/** In a group of its own: npm's own children hold its output open, and are to go with it. */
async function runNpm(
  words: readonly string[],
  {
    home,
    env,
    signal,
    deadline = AbortSignal.timeout(usualPatienceMs),
  }: Pick<RuntimeRequest, 'home' | 'env' | 'signal' | 'deadline'>,
): Promise<NpmEnd> {
  const npm = Bun.which('npm', { PATH: env.PATH ?? '' });
  if (npm === null)
    throw runtimeMissing('npm is not on the PATH, and brings the runtime', 'install Node.js 20 or later');
  const cut = AbortSignal.any([signal, deadline]);
  signal.throwIfAborted();
  const child = Bun.spawn([npm, ...words], {
    cwd: home,
    env: childEnv(env),
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    detached: true,
  });
  const stop = () => killGroup(child);
  cut.addEventListener('abort', stop, { once: true });
  try {
    const [stdout, stderr, exitCode] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    signal.throwIfAborted();
    return { exitCode, output: exitCode === 0 ? stdout : stderr || stdout, isLate: deadline.aborted };
  } finally {
    cut.removeEventListener('abort', stop);
  }
}

function killGroup({ pid }: Bun.Subprocess): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group is gone, which is what was wanted.
  }
}

async function* packBinary(path: string, { name }: RuntimePackage): AsyncGenerator<Uint8Array> {
  const tarball = decompress(readFrom(path), '+gzip', name);
  for await (const { header, body } of tarball.pipeThrough(createTarDecoder())) {
    if (header.name === 'package/bin/bun' && header.type === 'file') {
      yield* packStream([
        { path: `${runtimeFolder.slice(1)}/bun`, size: header.size, isExecutable: true, open: () => body },
      ]);
      return;
    }
    await body.cancel();
  }
  throw runtimeMissing(`${name} holds no bin/bun`, 'get Causeway anew; its lockfile names another package');
}
