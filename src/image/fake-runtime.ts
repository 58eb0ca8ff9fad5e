import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packTar } from 'modern-tar';

/**
 * A small Causeway: a lockfile in `home` that names tiny runtimes, and an `npm` that brings them. The variables
 * by which it is found; `home/calls` has a line for each time that npm was called.
 */
export async function makeHome(
  home: string,
  { npm = 'cp "$home/tarballs/$name" "$to/$name"; echo "$name"' }: { readonly npm?: string } = {},
): Promise<Readonly<Record<string, string>>> {
  mkdirSync(join(home, 'tarballs'), { recursive: true });
  mkdirSync(join(home, 'bin'));
  const packages: Record<string, unknown> = {};
  for (const architecture of ['x64', 'aarch64']) {
    const name = `@oven/bun-linux-${architecture}`;
    const body = `#!/bin/sh\n# ${name}\n`;
    const tarball = Bun.gzipSync(
      await packTar([
        { header: { name: 'package/package.json', size: 2, type: 'file' }, body: '{}' },
        { header: { name: 'package/bin/bun', size: body.length, type: 'file', mode: 0o755 }, body },
      ]),
    );
    writeFileSync(join(home, 'tarballs', `oven-bun-linux-${architecture}-1.0.0.tgz`), tarball);
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
    packages[`node_modules/${name}`] = { version: '1.0.0', integrity };
  }
  writeFileSync(join(home, 'package-lock.json'), JSON.stringify({ lockfileVersion: 3, packages }));
  const lines = [
    '#!/bin/sh',
    `home='${home}'`,
    'echo "$*" >>"$home/calls"',
    'name=$(echo "$2" | sed "s|@oven/|oven-|; s|@|-|").tgz',
    'while [ "$1" != --pack-destination ]; do shift; done',
    'to=$2',
    npm,
    '',
  ];
  writeFileSync(join(home, 'bin', 'npm'), lines.join('\n'), { mode: 0o755 });
  return { PATH: `${join(home, 'bin')}:/usr/bin:/bin` };
}
