import { expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { keysListResultSchema } from '../../../json.ts';
import { configText, FakeTerminal } from '../../../terminal/fake-terminal.ts';

test('a config that trusts no key says so, and how to make one', async () => {
  using terminal = new FakeTerminal();

  const { exit, stdout, stderr } = await terminal.call('keys', 'list');

  expect({ exit, stdout }).toEqual({ exit: 0, stdout: 'image.trust names no key\n' });
  expect(stderr).toBe('next     causeway keys init\n');
});

test('the last trusted key whose private half is here signs', async () => {
  using terminal = new FakeTerminal();
  const keys = [await terminal.call('keys', 'init'), await terminal.call('keys', 'init')];
  const trust = keys.map(({ stdout }) => stdout.trim());
  terminal.write('trusting.config.ts', configText({}, {}, { trust }));

  const { stdout } = await terminal.call('keys', 'list', '--config', 'trusting.config.ts');

  expect(stdout.replaceAll(/[0-9a-f]{12}/g, '<key>')).toMatchInlineSnapshot(`
    "   key           public half            private half     trusted
       <key>  keys/<key>.pub  on this machine  yes
    ●  <key>  keys/<key>.pub  on this machine  yes
    "
  `);
});

test('where no private half is here, nothing signs', async () => {
  using terminal = new FakeTerminal();
  const { stdout: made } = await terminal.call('keys', 'init');
  terminal.write('trusting.config.ts', configText({}, {}, { trust: [made.trim()] }));
  rmSync(`${terminal.folder}/.config`, { recursive: true });

  const { stdout } = await terminal.call('keys', 'list', '--json', '--config', 'trusting.config.ts');

  const { keys } = keysListResultSchema.parse(JSON.parse(stdout));
  expect(keys).toMatchObject([{ publicKey: made.trim(), isHere: false, signs: false }]);
});

test('a trusted key that is no key is told with its file', async () => {
  using terminal = new FakeTerminal({
    files: { 'causeway.config.ts': configText({}, {}, { trust: ['keys/a.pub'] }), 'keys/a.pub': 'no key' },
  });

  const { exit, stderr } = await terminal.call('keys', 'list');

  expect(exit).toBe(2);
  expect(stderr).toContain('keys/a.pub');
  expect(stderr).toContain('help: docs/errors.md#key_wrong\n');
});

test('a pair that the config does not name is listed, and what is next is to name it', async () => {
  using terminal = new FakeTerminal();
  const key = (await terminal.call('keys', 'init')).stdout.trim();
  terminal.write('keys/notes.pub', 'no key');

  const { stdout, stderr } = await terminal.call('keys', 'list');

  expect(stdout.replaceAll(/[0-9a-f]{12}/g, '<key>')).toMatchInlineSnapshot(`
    "  key           public half            private half     trusted
      <key>  keys/<key>.pub  on this machine  no
    "
  `);
  expect(stderr).toBe(`next     write image: { trust: ['${key}'] } in the config\n`);
});

test('the key in CAUSEWAY_SIGNING_KEY is named as that, whether or not the config trusts it', async () => {
  using terminal = new FakeTerminal();
  const made = JSON.parse((await terminal.call('keys', 'init', '--json')).stdout);
  terminal.write('trusting.config.ts', configText({}, {}, { trust: [made.publicKey] }));
  const env = { CAUSEWAY_SIGNING_KEY: await Bun.file(made.privateKey).text() };
  rmSync(`${terminal.folder}/.config`, { recursive: true });

  const trusted = await terminal.callWithEnv(env, 'keys', 'list', '--config', 'trusting.config.ts');
  rmSync(`${terminal.folder}/keys`, { recursive: true });
  const unknown = await terminal.callWithEnv(env, 'keys', 'list');

  const short = made.id.slice(0, 12);
  expect(trusted.stdout).toContain(`●  ${short}  ${made.publicKey}  in CAUSEWAY_SIGNING_KEY  yes\n`);
  expect(unknown.stdout).toContain(`  ${short}  unknown      in CAUSEWAY_SIGNING_KEY  no\n`);
});
