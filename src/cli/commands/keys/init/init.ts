import { makeKey, shortKey } from '../../../../image/attest/keys.ts';
import type { Cli, Result } from '../../../cli.ts';
import { writeTrust } from '../../../image/find-pairs.ts';
import type { KeysInitResult } from '../../../json.ts';
import { loadConfig } from '../../../load-config.ts';
import { renderStep } from '../../../terminal/step-line.ts';

/** Makes a key; the config is the user's to edit. */
export async function initKey(cli: Cli): Promise<Result> {
  const { io, err } = cli;
  const { config, folder } = await loadConfig(cli);
  const { id, publicPath, privatePath } = await makeKey({ env: io.env, folder });
  const said = [
    { label: 'key', text: `${shortKey(id)}  ECDSA P-256` },
    { label: 'private', text: `${inHome(privatePath, io.env.HOME)}, for you alone` },
    { label: 'public', text: `${publicPath}, which belongs to the repository` },
  ];
  for (const line of said) io.stderr.write(`${err.spell(renderStep(line, err))}\n`);
  const json: KeysInitResult = { id, publicKey: publicPath, privateKey: privatePath };
  return {
    json,
    lines: [publicPath],
    next: [
      writeTrust([...config.image.trust, publicPath]),
      `git add ${publicPath}`,
      'causeway image push signs with it',
    ],
  };
}

function inHome(path: string, home: string | undefined): string {
  return home && path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}
