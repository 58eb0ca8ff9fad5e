import { expect, test } from 'bun:test';
import { ImageTerminal, withoutPlaces } from '../../../image/image-terminal.ts';
import { imageVerifyResultSchema } from '../../../json.ts';

test('an image that was pushed and signed holds all it claims', async () => {
  await using at = await ImageTerminal.start();
  const key = await at.trustNewKey();
  const { stdout: reference } = await at.call('image', 'push');

  const { exit, stdout, stderr } = await at.call('image', 'verify', reference.trim());
  const { stdout: json } = await at.call('image', 'verify', reference.trim(), '--json');

  expect(exit).toBe(0);
  expect(withoutPlaces(stdout)).toMatchInlineSnapshot(`
    "✓ image       linux/amd64, linux/arm64
    ✓ layers      3 read, each as its digests say
    ✓ sbom        3 components
    ✓ provenance  by urn:causeway:cli, 14 tests passed
    ✓ signature   by <key> (keys/<key>.pub)
    "
  `);
  expect(withoutPlaces(stderr)).toMatchInlineSnapshot(`
    "verify   <short>  5 of 5 claims hold  0.00 s
    "
  `);
  const { isGood, signers, provenance } = imageVerifyResultSchema.parse(JSON.parse(json));
  expect(isGood).toBe(true);
  expect(provenance).toEqual({ isChanged: false, isTested: true, passed: 14 });
  expect(signers.map((id) => `keys/${id.slice(0, 12)}.pub`)).toEqual([key]);
});

test('an image that was never signed fails, each claim with why', async () => {
  await using at = await ImageTerminal.start();
  await at.trustNewKey();
  await at.call('image', 'build', '--output', 'out');

  const { exit, stdout, stderr } = await at.call('image', 'verify', './out');

  expect(exit).toBe(1);
  expect(withoutPlaces(stdout)).toMatchInlineSnapshot(`
    "✓ image       linux/amd64, linux/arm64
    ✓ layers      3 read, each as its digests say
    ✗ sbom        there is none
    ✗ provenance  there is none
    ✗ signature   there is none
    "
  `);
  expect(withoutPlaces(stderr)).toMatchInlineSnapshot(`
    "verify   <short>  2 of 5 claims hold  0.00 s
    error: <short> is not what it should be: sbom, provenance, signature
      hint: each ✗ above says why; causeway image push makes it anew, signed with a key of image.trust
      help: docs/errors.md#image_unverified
    "
  `);
});

test('--json of an image that fails holds the claims and the error', async () => {
  await using at = await ImageTerminal.start();
  await at.call('image', 'build', '--output', 'out');

  const { exit, stdout } = await at.call('image', 'verify', './out', '--json');

  const { isGood, claims, error } = imageVerifyResultSchema.parse(JSON.parse(stdout));
  expect({ exit, isGood }).toEqual({ exit: 1, isGood: false });
  expect(error?.code).toBe('image_unverified');
  expect(claims.filter((claim) => claim.isGood).map(({ name }) => name)).toEqual(['image', 'layers']);
});

test('a tag is refused, and the hint names the digest that it has now', async () => {
  await using at = await ImageTerminal.start();
  const { stdout: reference } = await at.call('image', 'push', '--tag', 'v2');

  const { exit, stderr } = await at.call('image', 'verify', `${at.repository}:v2`);

  expect(exit).toBe(2);
  expect(stderr).toContain(`  hint: ${reference.trim()} is what it names now\n`);
});

test('a text that names neither a digest nor a folder is refused without asking anybody', async () => {
  await using at = await ImageTerminal.start();

  for (const text of ['out', at.repository]) {
    const { exit, stderr } = await at.call('image', 'verify', text);

    expect(exit).toBe(2);
    expect(stderr).toStartWith(
      `error: ${text} names no image: it has no digest, and there is no folder ./${text} here\n`,
    );
  }
  expect(at.registry.requests).toEqual([]);
});

test('an image that was not tested says so', async () => {
  await using at = await ImageTerminal.start();
  await at.trustNewKey();
  const { stdout: reference } = await at.callWith({ service: { test: undefined } }, 'image', 'push');

  const { stdout } = await at.call('image', 'verify', reference.trim());

  expect(stdout).toContain('✓ provenance  by urn:causeway:cli, not tested\n');
});

test('an image that is pushed again by another key keeps its digest and holds by either', async () => {
  await using at = await ImageTerminal.start();
  await at.trustNewKey();
  const first = await at.call('image', 'push');
  const second = await at.trustNewKey();
  const again = await at.call('image', 'push');

  const both = await at.call('image', 'verify', first.stdout.trim());
  const alone = await at.callWith({ image: { trust: [second] } }, 'image', 'verify', first.stdout.trim());

  expect(again.stdout).toBe(first.stdout);
  expect(withoutPlaces(both.stdout)).toContain(
    '✓ signature   by <key> (keys/<key>.pub), <key> (keys/<key>.pub)\n',
  );
  expect(alone.exit).toBe(0);
});
