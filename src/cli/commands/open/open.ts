import { UserError } from '../../../core/errors.ts';
import { chooseMade } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import type { OpenResult } from '../../json.ts';
import { imageFlag } from '../../rollout/image-flag.ts';

export async function openUrl(cli: Cli, name: string): Promise<Result> {
  const { io, options, out } = cli;
  const { environment, environmentConfig } = await chooseMade(cli, name);
  const { url, state } = await environment.status(io.signal);
  if (url === undefined || state === 'absent' || state === 'stopped') {
    throw new UserError({
      code: state === 'stopped' ? 'environment_stopped' : 'environment_missing',
      message: `${name} has no URL: nothing runs there`,
      hint: `causeway up ${name}${imageFlag(environmentConfig)}`,
    });
  }
  if (out.isLive && !options.json) io.browse(url);
  const json: OpenResult = { environment: name, url };
  return { json, lines: [url] };
}
