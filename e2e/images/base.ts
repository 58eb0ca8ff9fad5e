import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packTar, type TarEntry, unpackTar } from 'modern-tar';
import { type Descriptor, type ImageConfig, mediaTypes } from '../../src/image/oci.ts';
import { cached } from './cache-folder.ts';
import { type Architecture, downloadPackages, knownPackages } from './debian.ts';

const architectures: readonly Architecture[] = ['amd64', 'arm64'];

/** What Bun needs, as a distroless base has it: no shell, no package manager, a user without rights. */
const distroless = ['base-files', 'libc6', 'libgcc-s1'];
/** Beside that a shell and the common commands, for the first stage of the Dockerfile. */
const withShell = [...distroless, 'busybox-static'];
const shellCommands = ['sh', 'cat', 'cp', 'env', 'id', 'ls', 'mkdir', 'mkfifo', 'mv', 'rm', 'sleep', 'touch'];

/** An OCI layout of the base that tests build on, for both architectures, tagged `base`; its folder. */
export function composeBase(): Promise<string> {
  base ??= compose('base', distroless, () => []);
  return base;
}

/** Looked for once by each run of the tests. */
let base: Promise<string> | undefined;

/** An OCI layout of an image with Bun and a shell, for this machine's architecture, tagged `bun`. */
export function composeBuilder(): Promise<string> {
  const bun = readFileSync(process.execPath);
  const entries = [
    file('usr/local/bin/bun', bun, 0o755),
    ...shellCommands.map((name) => link(`bin/${name}`, 'busybox')),
  ];
  return compose('bun', withShell, () => entries, [process.arch === 'arm64' ? 'arm64' : 'amd64']);
}

export interface PythonBase {
  /** An OCI layout of an image with Python and its standard library, for this machine's architecture, tagged `python`. */
  readonly folder: string;
  /** The program. */
  readonly python: string;
}

export async function composePython(): Promise<PythonBase> {
  const [known] = await knownPackages(pythons.map((python) => `${python}-minimal`));
  if (known === undefined) throw new Error('the package sources have no Python that is known');
  const python = known.replace('-minimal', '');
  const library = [`lib${python}-minimal`, `lib${python}-stdlib`, 'libexpat1', 'zlib1g'];
  const packages = [...distroless, ...library, known];
  const folder = await compose('python', packages, () => [], [process.arch === 'arm64' ? 'arm64' : 'amd64']);
  return { folder, python };
}

const pythons = ['python3.11', 'python3.12', 'python3.13', 'python3.14'];

/** Another recipe is another folder of the cache. */
const recipe = 2;

async function compose(
  tag: string,
  packages: readonly string[],
  more: () => readonly TarEntry[],
  wanted: readonly Architecture[] = architectures,
): Promise<string> {
  const files = await downloadPackages(
    wanted.flatMap((architecture) => packages.map((name) => `${name}:${architecture}`)),
  );
  const key = createHash('sha256')
    .update(JSON.stringify([recipe, tag, wanted, files.map((path) => basename(path)), Bun.version]))
    .digest('hex')
    .slice(0, 16);
  return cached(`${tag}-${key}`, async (folder) => {
    const blobs = join(folder, 'blobs', 'sha256');
    mkdirSync(blobs, { recursive: true });
    const manifests: Descriptor[] = [];
    for (const architecture of wanted) {
      const debs = files.filter((path) => new RegExp(`_(${architecture}|all)\\.deb$`).test(path));
      const root = new Map<string, TarEntry>();
      for (const entry of [...accounts, ...(await contentOf(debs)), ...more()]) {
        root.set(entry.header.name, entry);
      }
      manifests.push(await writePlatform(blobs, architecture, [...root.values()]));
    }
    const index = writeBlob(blobs, mediaTypes.index, {
      schemaVersion: 2,
      mediaType: mediaTypes.index,
      manifests,
    });
    const annotations = { 'org.opencontainers.image.ref.name': tag };
    writeJson(join(folder, 'oci-layout'), { imageLayoutVersion: '1.0.0' });
    writeJson(join(folder, 'index.json'), { schemaVersion: 2, manifests: [{ ...index, annotations }] });
  });
}

const fixed = { mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' } as const;

const accounts: readonly TarEntry[] = [
  directory('etc'),
  directory('var'),
  directory('var/lib'),
  directory('var/lib/dpkg'),
  directory('var/lib/dpkg/status.d'),
  directory('usr'),
  directory('usr/local'),
  directory('usr/local/bin'),
  file(
    'etc/passwd',
    'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
  ),
  file('etc/group', 'root:x:0:\nnonroot:x:65532:\n'),
];

/** What a running image does not need. */
const leftOut = /^(usr\/share\/(doc|man|locale|lintian)|usr\/lib\/[^/]+\/gconv|usr\/share\/base-files)\b/;

async function contentOf(debs: readonly string[]): Promise<readonly TarEntry[]> {
  const found: TarEntry[] = [];
  for (const deb of debs) {
    const tar = read(['dpkg-deb', '--fsys-tarfile', deb]);
    for (const { header, data } of await unpackTar(tar)) {
      const name = header.name.replace(/^\.\//, '').replace(/\/$/, '');
      if (name === '' || name === '.' || leftOut.test(name)) continue;
      found.push({ header: { ...header, ...fixed, name }, body: data });
    }
    const control = read(['dpkg-deb', '--field', deb]);
    const name = basename(deb).split('_')[0] ?? '';
    found.push(file(`var/lib/dpkg/status.d/${name}`, control));
  }
  return found;
}

async function writePlatform(
  blobs: string,
  architecture: Architecture,
  entries: readonly TarEntry[],
): Promise<Descriptor> {
  const sorted = [...entries].sort((a, b) => (a.header.name < b.header.name ? -1 : 1));
  const tar = await packTar(sorted);
  const layer = writeBytes(blobs, mediaTypes.gzipLayer, Bun.gzipSync(Buffer.from(tar), { level: 6 }));
  const imageConfig: ImageConfig = {
    architecture,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], User: '65532' },
    rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
    history: [{ created_by: 'e2e/images/base.ts' }],
  };
  const config = writeBlob(blobs, mediaTypes.config, imageConfig);
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [layer] };
  return {
    ...writeBlob(blobs, mediaTypes.manifest, manifest),
    platform: { architecture, os: 'linux' },
  };
}

function file(name: string, content: string | Uint8Array, mode = 0o644): TarEntry {
  const body = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return { header: { ...fixed, name, mode, type: 'file', size: body.byteLength }, body };
}

function directory(name: string): TarEntry {
  return { header: { ...fixed, name, mode: 0o755, type: 'directory', size: 0 } };
}

function link(name: string, linkname: string): TarEntry {
  return { header: { ...fixed, name, mode: 0o777, type: 'symlink', size: 0, linkname } };
}

function read(argv: readonly string[]): Uint8Array {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...argv]);
  if (exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${exitCode}: ${stderr}`);
  return stdout;
}

function writeBlob(blobs: string, mediaType: string, content: unknown): Descriptor {
  return writeBytes(blobs, mediaType, new TextEncoder().encode(JSON.stringify(content)));
}

function writeBytes(blobs: string, mediaType: string, bytes: Uint8Array): Descriptor {
  const digest = digestOf(bytes);
  writeFileSync(join(blobs, digest.slice('sha256:'.length)), bytes);
  return { mediaType, digest, size: bytes.byteLength };
}

function writeJson(path: string, content: unknown): void {
  writeFileSync(path, JSON.stringify(content));
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
