import { expect, test } from 'bun:test';
import { ImageTerminal, withoutPlaces } from '../../../image/image-terminal.ts';
import { imageInspectResultSchema } from '../../../json.ts';

test('a pushed image tells its parts, where it came from and whether it is signed', async () => {
  await using at = await ImageTerminal.start();
  await at.trustNewKey();
  await at.call('image', 'push', '--tag', 'v2');

  const { exit, stdout } = await at.terminal.call('image', 'inspect', `${at.repository}:v2`);

  expect(exit).toBe(0);
  expect(withoutPlaces(stdout)).toMatchInlineSnapshot(`
    "image    registry.example.com/team/shop:v2
    digest   sha256:<digest>
    artifact sha256:<digest>
    base     <short>
    runs     bun main.ts as 65532:65532
             │ linux/amd64  <short>  2 layers, 334 B
             │ linux/arm64  <short>  2 layers, 334 B
    source   no commit; --provenance prints the rest
    sbom     3 components; --sbom prints it
    signed   1 signature, not checked here
    "
  `);
});

test('a layout that was never pushed has nothing attached', async () => {
  await using at = await ImageTerminal.start();
  await at.call('image', 'build', '--output', 'out');

  const { stdout } = await at.terminal.call('image', 'inspect', './out', '--json');

  const image = imageInspectResultSchema.parse(JSON.parse(stdout));
  expect(image).toMatchObject({ hasProvenance: false, signatures: 0 });
  expect(image.platforms.map(({ platform, user }) => [platform, user])).toEqual([
    ['linux/amd64', '65532:65532'],
    ['linux/arm64', '65532:65532'],
  ]);
});

test('--sbom and --provenance print these documents alone', async () => {
  await using at = await ImageTerminal.start();
  const { stdout: reference } = await at.call('image', 'push');

  const sbom = await at.terminal.call('image', 'inspect', reference.trim(), '--sbom');
  const provenance = await at.terminal.call('image', 'inspect', reference.trim(), '--provenance', '--json');

  expect(JSON.parse(sbom.stdout)).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6' });
  expect(JSON.parse(provenance.stdout).buildDefinition.externalParameters.command).toEqual([
    'bun',
    'main.ts',
  ]);
});

test('an image without an SBOM has none to print', async () => {
  await using at = await ImageTerminal.start();
  await at.call('image', 'build', '--output', 'out');

  const { exit, stderr } = await at.terminal.call('image', 'inspect', './out', '--sbom');

  expect(exit).toBe(1);
  expect(stderr).toContain('has no SBOM attached to it\n');
});

test('a tag that is not there, and text that names no image, are told apart', async () => {
  await using at = await ImageTerminal.start();

  const missing = await at.terminal.call('image', 'inspect', `${at.repository}:v9`);
  const wrong = await at.terminal.call('image', 'inspect', 'http://registry.example.com/shop');

  expect(missing.exit).toBe(1);
  expect(withoutPlaces(missing.stderr)).toStartWith('error: registry.example.com/team/shop has no tag v9\n');
  expect(wrong.exit).toBe(2);
  expect(wrong.stderr).toContain('help: docs/errors.md#reference_wrong\n');
});
