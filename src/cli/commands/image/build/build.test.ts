import { expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unpackTar } from 'modern-tar';
import { filesService, writeBase } from '../../../image/fake-base.ts';
import { ImageTerminal } from '../../../image/image-terminal.ts';
import { imageBuildResultSchema } from '../../../json.ts';
import { configText, FakeTerminal, withoutIds } from '../../../terminal/fake-terminal.ts';

const files = { 'causeway.config.ts': configText(filesService, {}, { base: 'oci:base' }) };

async function makeTerminal(): Promise<FakeTerminal> {
  const terminal = new FakeTerminal({ files });
  await writeBase(terminal.folder);
  return terminal;
}

test('the digest stands on stdout, and what the image is made of on stderr', async () => {
  using terminal = await makeTerminal();

  const { exit, stdout, stderr } = await terminal.call('image', 'build');

  expect(exit).toBe(0);
  expect(stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
  expect(withoutIds(stderr)).toMatchInlineSnapshot(`
    "base     oci:base is <short> from now on: causeway.lock.json notes it
    build    no git                                       0.00 s
    image    <short>  linux/amd64, linux/arm64
             │ linux/amd64  base 222 B + app 112 B
             │ linux/arm64  base 222 B + app 112 B
    next     causeway image push <repository> · causeway image build --output ./out
    "
  `);
});

test('the same tree has the same digest elsewhere, and another tree has another', async () => {
  using here = await makeTerminal();
  using there = await makeTerminal();

  const first = await here.call('image', 'build');
  const second = await there.call('image', 'build');
  there.write('main.ts', 'console.log("other");\n');
  const third = await there.call('image', 'build');

  expect(second.stdout).toBe(first.stdout);
  expect(third.stdout).not.toBe(first.stdout);
});

test('--json tells the digests, and the sizes of what each platform is made of', async () => {
  using terminal = await makeTerminal();

  const { stdout } = await terminal.call('image', 'build', '--json');

  const { image, artifact, platforms } = imageBuildResultSchema.parse(JSON.parse(stdout));
  expect(image).not.toBe(artifact);
  expect(platforms.map(({ platform, runtime }) => [platform, runtime])).toEqual([
    ['linux/amd64', 0],
    ['linux/arm64', 0],
  ]);
});

test('--output writes an OCI layout, which inspect reads', async () => {
  using terminal = await makeTerminal();

  const { exit, stdout, stderr } = await terminal.call('image', 'build', '--output', 'out');
  const inspected = await terminal.call('image', 'inspect', './out');

  expect(exit).toBe(0);
  expect(existsSync(join(terminal.folder, 'out', 'index.json'))).toBe(true);
  expect(withoutIds(stderr)).toMatchInlineSnapshot(`
    "base     oci:base is <short> from now on: causeway.lock.json notes it
    build    no git                                       0.00 s
    image    <short>  linux/amd64, linux/arm64
             │ linux/amd64  base 222 B + app 112 B
             │ linux/arm64  base 222 B + app 112 B
    write    out: 5 blobs written (2 kB)                  0.00 s
    next     causeway image inspect ./out · causeway deploy --image ./out · skopeo inspect oci:out
    "
  `);
  expect(inspected.stdout).toContain(stdout.trim());
});

test('--output of a .tar is for docker load: whole, or not there', async () => {
  using terminal = await makeTerminal();

  const { exit, stderr } = await terminal.call(
    ...['image', 'build', '--output', 'shop.tar', '--platform', 'linux/amd64'],
  );

  expect(exit).toBe(0);
  expect(withoutIds(stderr)).toMatchInlineSnapshot(`
    "base     oci:base is <short> from now on: causeway.lock.json notes it
    build    no git                                       0.00 s
    image    <short>  linux/amd64, linux/arm64
             │ linux/amd64  base 222 B + app 112 B
             │ linux/arm64  base 222 B + app 112 B
    write    shop.tar: probe:<short> for linux/amd64      0.00 s
    next     docker load --input shop.tar · docker run --rm --publish 8080:8080 probe:<short>
    "
  `);
  const entries = await unpackTar(new Uint8Array(readFileSync(join(terminal.folder, 'shop.tar'))));
  expect(entries.map(({ header }) => header.name)).toContain('manifest.json');
});

test('a tar that cannot be written is told with its path and the reason', async () => {
  using terminal = await makeTerminal();

  const { exit, stderr } = await terminal.call('image', 'build', '--output', 'main.ts/shop.tar');

  expect(exit).toBe(1);
  expect(stderr).toStartWith('error: cannot write main.ts/shop.tar: ');
  expect(stderr).not.toContain('ENOTDIR');
  expect(stderr).toContain('help: docs/errors.md#image_not_writable\n');
});

test('how to run a .tar names the port that the service listens on there', async () => {
  const service = { ...filesService, port: 3000 };
  using terminal = new FakeTerminal({
    files: { 'causeway.config.ts': configText(service, {}, { base: 'oci:base' }) },
  });
  await writeBase(terminal.folder);

  const { stderr } = await terminal.call('image', 'build', '--output', 'shop.tar');

  expect(stderr).toContain('docker run --rm --publish 8080:3000 probe:');
});

test('a layout is not written over a folder of other things', async () => {
  using terminal = await makeTerminal();
  terminal.write('out/notes.txt', 'mine');

  const { exit, stderr } = await terminal.call('image', 'build', '--output', 'out');

  expect(exit).toBe(1);
  expect(stderr).toContain('help: docs/errors.md#image_not_writable\n');
});

test.each([[[]], [['--output', 'out']]])(
  '--platform with %p would change nothing, and is refused',
  async (more) => {
    using terminal = await makeTerminal();

    const { exit, stderr } = await terminal.call('image', 'build', '--platform', 'linux/arm64', ...more);

    expect(exit).toBe(2);
    expect(stderr).toContain('error: --platform linux/arm64 goes with --output of a .tar alone: ');
  },
);

test('a base that is not there is an error, and nothing is written', async () => {
  using terminal = new FakeTerminal({ files });

  const { exit, stdout, stderr } = await terminal.call('image', 'build', '--output', 'out');

  expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
  expect(stderr).toContain('base');
  expect(existsSync(join(terminal.folder, 'out'))).toBe(false);
});

test('a base that its registry does not give is told with another way to have one', async () => {
  await using at = await ImageTerminal.start({ auth: 'basic' });
  const base = `${at.registry.host}/base:12`;

  const { exit, stderr } = await at.callWith({ image: { base } }, 'image', 'build');

  expect(exit).toBe(1);
  expect(stderr).toStartWith(`error: the base ${base} cannot be had: ${at.registry.host} does not allow `);
  expect(stderr).toContain(
    `hint: docker login ${at.registry.host}; or build on a base that can be reached: `,
  );
  expect(stderr).toContain("image.base: 'oci:<folder>'");
});

test('a service whose program the default base does not have is told before anything is fetched', async () => {
  using terminal = new FakeTerminal({ files: { 'causeway.config.ts': configText(filesService) } });

  const { exit, stderr } = await terminal.call('image', 'build');

  expect(exit).toBe(2);
  expect(stderr).toStartWith(
    'error: image.base is missing: service.command starts bun, which the default base does not have\n',
  );
});
