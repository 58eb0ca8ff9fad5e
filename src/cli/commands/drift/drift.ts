import { UserError } from '../../../core/errors.ts';
import { chooseMade } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import { showDifference, toDifferenceJson } from '../../difference.ts';
import type { DriftResult } from '../../json.ts';
import { count } from '../../terminal/count.ts';
import { labelWidthFor, renderStep } from '../../terminal/step-line.ts';

/** What differs from what was rolled out; that anything does is a failure. */
export async function showDrift(cli: Cli, name: string): Promise<Result> {
  const { environment } = await chooseMade(cli, name);
  const { state } = await environment.status(cli.io.signal);
  if (state === 'absent') {
    throw new UserError({
      code: 'environment_missing',
      message: `${name} is not up: there is nothing to compare`,
      hint: `causeway up ${name}`,
    });
  }
  const found = (await environment.drift?.(cli.io.signal)) ?? [];
  const json: DriftResult = { environment: name, differences: found.map(toDifferenceJson) };
  if (found.length === 0) {
    const line = renderStep({ label: name, text: 'no drift' }, cli.out, labelWidthFor(name));
    return { json, lines: [line] };
  }
  const error = new UserError({
    code: 'drift_found',
    message: `${count(found.length, 'thing')} of ${name} ${found.length === 1 ? 'differs' : 'differ'} from what was rolled out`,
    hint: `causeway up ${name} puts it right`,
  });
  return { json, lines: found.map(showDifference), error };
}
