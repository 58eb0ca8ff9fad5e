import { join } from 'node:path';
import { platforms } from '../../core/platform.ts';
import { makeBase } from '../../image/fake-base.ts';

/** Writes a base of one small layer as an OCI layout, for both platforms; it lists one package, as distroless does. */
export async function writeBase(
  folder: string,
  name = 'base',
  { layer }: { /** What it says is a gzip. */ readonly layer?: Uint8Array } = {},
): Promise<void> {
  const config = { Env: ['PATH=/usr/bin'] };
  await makeBase(join(folder, name), { platforms, config, files, ...(layer ? { layer } : {}) });
}

function files(architecture: string): Readonly<Record<string, string>> {
  return {
    'etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
    'var/lib/dpkg/status.d/libc6': `Package: libc6\nVersion: 2.36-9\nArchitecture: ${architecture}\nMaintainer: nobody\n`,
  };
}

/** A service of files, which needs no runtime of ours: its image is made in milliseconds. */
export const filesService = { entry: undefined, files: ['main.ts'], command: ['bun', 'main.ts'] };
