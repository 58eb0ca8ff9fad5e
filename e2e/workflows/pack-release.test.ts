import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { version } from '../../package.json';
import { mustRun, run } from '../images/run-program.ts';

setDefaultTimeout(60_000);

const root = join(import.meta.dir, '../..');
const pack = join(root, 'scripts/pack-release');
let folder = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'causeway release '));
  await mustRun([pack, `v${version}`, folder]);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('a release is the sources, what they bring along, and the digests of all of it', async () => {
  expect(readdirSync(folder).sort()).toEqual([
    'SHA256SUMS',
    `causeway-${version}-aws.cdx.json`,
    `causeway-${version}-kubeconfig.cdx.json`,
    `causeway-${version}.cdx.json`,
    `causeway-${version}.tar.gz`,
  ]);
  await mustRun(['sha256sum', '--check', '--strict', 'SHA256SUMS'], { cwd: folder });
  const { components } = await Bun.file(join(folder, `causeway-${version}.cdx.json`)).json();
  expect(components.map(({ name }: { name: string }) => name)).toContain('zod');
});

test('the same commit is packed to the same bytes', async () => {
  const again = join(folder, 'again');
  await mustRun([pack, `v${version}`, again], { env: { TZ: 'Asia/Tokyo' } });

  const archive = `causeway-${version}.tar.gz`;
  await mustRun(['cmp', join(folder, archive), join(again, archive)]);
  rmSync(again, { recursive: true });
});

test('what is unpacked runs, without git and without a repository', async () => {
  const unpacked = join(folder, `causeway-${version}`);
  await mustRun(['tar', '-xzf', `causeway-${version}.tar.gz`], { cwd: folder });
  symlinkSync(join(root, 'node_modules'), join(unpacked, 'node_modules'));

  expect(await mustRun([join(unpacked, 'causeway'), '--version'])).toContain(version);
  rmSync(unpacked, { recursive: true });
});

test('a tag that is not the version of the sources is refused', async () => {
  const { exitCode, stderr } = await run([pack, 'v999.0.0', folder]);

  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: `error: the tag is v999.0.0, and package.json says ${version}\n  hint: git tag v${version}, or change the version\n`,
  });
});
