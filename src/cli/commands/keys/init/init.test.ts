import { expect, test } from 'bun:test';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { keysInitResultSchema } from '../../../json.ts';
import { configText, FakeTerminal } from '../../../terminal/fake-terminal.ts';

test('the path of the public half stands on stdout, and what to do with it below', async () => {
  using terminal = new FakeTerminal();

  const { exit, stdout, stderr } = await terminal.call('keys', 'init');

  expect(exit).toBe(0);
  expect(withoutKeys(stdout)).toBe('keys/<key>.pub\n');
  expect(withoutKeys(stderr)).toMatchInlineSnapshot(`
    "key      <key>  ECDSA P-256
    private  ~/.config/causeway/keys/<key id>.pem, for you alone
    public   keys/<key>.pub, which belongs to the repository
    next     write image: { trust: ['keys/<key>.pub'] } in the config · git add keys/<key>.pub · causeway image push signs with it
    "
  `);
});

test('the private half is a file for its user alone, and is never printed', async () => {
  using terminal = new FakeTerminal();

  const { stdout, stderr } = await terminal.call('keys', 'init', '--json');

  const { privateKey, publicKey } = keysInitResultSchema.parse(JSON.parse(stdout));
  expect(statSync(privateKey).mode & 0o777).toBe(0o600);
  const [, body = ''] = readFileSync(privateKey, 'utf8').split('\n');
  expect(body.length).toBeGreaterThan(20);
  expect(stdout + stderr).not.toContain(body);
  expect(readFileSync(join(terminal.folder, publicKey), 'utf8')).toStartWith('-----BEGIN PUBLIC KEY-----');
});

test('a second key is named behind those that the config trusts', async () => {
  using terminal = new FakeTerminal();
  const first = (await terminal.call('keys', 'init')).stdout.trim();
  terminal.write('trusting.config.ts', configText({}, {}, { trust: [first] }));

  const { stdout, stderr } = await terminal.call('keys', 'init', '--config', 'trusting.config.ts');

  expect(stderr).toContain(`trust: ['${first}', '${stdout.trim()}']`);
});

function withoutKeys(text: string): string {
  return text.replaceAll(/[0-9a-f]{64}/g, '<key id>').replaceAll(/[0-9a-f]{12}/g, '<key>');
}
