import { UserError } from '../../../core/errors.ts';
import { chooseEnvironment, chooseMade } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import type { RenderResult } from '../../json.ts';
import { readPlanned } from '../../rollout/read-planned.ts';
import { Board } from '../../terminal/board.ts';
import { labelWidthFor } from '../../terminal/step-line.ts';

export interface RenderOptions {
  /** The image to render, as the user names it. */
  readonly image: string | undefined;
  readonly isStable: boolean;
}

/** The objects that an environment would be made of. */
export async function renderManifests(
  cli: Cli,
  name: string,
  { image, isStable }: RenderOptions,
): Promise<Result> {
  const board = new Board(cli.io, cli.err, labelWidthFor(name));
  try {
    board.show('render', 'reading the config');
    const chosen = await (isStable ? chooseMade : chooseEnvironment)(cli, name);
    const { environment } = chosen;
    if (!environment.render) throw withoutManifests(name);
    const planned = isStable ? undefined : await readPlanned(cli, chosen, { image, label: 'render', board });
    const objects = await environment.render(planned, cli.io.signal);
    const json: RenderResult = { environment: name, objects: [...objects] };
    const { toYaml } = await import('../../../kubernetes/manifests/yaml.ts');
    return { json, lines: [toYaml(objects).trimEnd()] };
  } finally {
    board.close();
  }
}

/** What a cloud's account would be given, by stack. */
export async function renderTemplates(cli: Cli, name: string): Promise<Result> {
  const { environment } = await chooseEnvironment(cli, name);
  if (!environment.cloud) {
    throw new UserError({
      code: 'usage_wrong',
      message: `${name} is in no account of a cloud, and has no template`,
      hint: `causeway render ${name} shows its manifests`,
    });
  }
  const templates = await environment.cloud.render(cli.io.signal);
  const json: RenderResult = { environment: name, objects: Object.values(templates) };
  return { json, lines: [JSON.stringify(templates, undefined, 2)] };
}

function withoutManifests(name: string): UserError {
  return new UserError({
    code: 'usage_wrong',
    message: `${name} is on this machine, and is made of no manifests`,
    hint: 'name an environment whose target is kubernetes',
  });
}
