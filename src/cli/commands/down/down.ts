import type { Receipt } from '../../../core/environment.ts';
import { exitCodes } from '../../../core/errors.ts';
import { chooseEnvironment } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import { Interrupted } from '../../interrupted.ts';
import type { DownResult } from '../../json.ts';
import { Board } from '../../terminal/board.ts';
import { count } from '../../terminal/count.ts';
import { printable } from '../../terminal/printable.ts';
import { renderStep } from '../../terminal/step-line.ts';
import type { Style } from '../../terminal/style.ts';

/** Takes an environment away; something that is left is a failure. */
export async function takeDown(cli: Cli, name: string): Promise<Result> {
  const { io } = cli;
  const { environment } = await chooseEnvironment(cli, name);
  const board = new Board(io, cli.err);
  const startedAt = io.now();
  try {
    board.show('down', `${name}: what is in flight ends first`);
    const receipt = await environment.down(io.signal);
    board.close();
    const left = receipt.items.filter(({ isGone }) => !isGone).length;
    if (left > 0) board.say({ label: 'left', text: leftText(left, receipt), mood: 'bad' });
    const json: DownResult = { environment: name, items: [...receipt.items], kept: [...receipt.kept] };
    return {
      json,
      lines: showReceipt(receipt, cli.out, io.now() - startedAt),
      ...(left > 0 ? { next: [`causeway down ${name} tries again`] } : {}),
      exit: left > 0 ? exitCodes.failed : exitCodes.done,
    };
  } catch (thrown) {
    if (!io.signal.aborted) throw thrown;
    throw new Interrupted(`${name} may be half taken down`, `causeway down ${name} goes on`);
  } finally {
    board.close();
  }
}

function leftText(left: number, { items }: Receipt): string {
  return `${left} of ${count(items.length, 'thing')} ${left === 1 ? 'is' : 'are'} still there`;
}

function showReceipt(
  { environment: name, items, kept }: Receipt,
  style: Style,
  ms: number,
): readonly string[] {
  const gone = items.filter(({ isGone }) => isGone).length;
  const end = items.length === 0 ? 'nothing was there' : `${gone} of ${items.length} gone`;
  return [
    ...items.map(({ what, isGone }) => {
      const mark = isGone ? style.good('✓') : style.bad('✗');
      return `${mark} ${printable(what)}: ${isGone ? 'gone' : 'still there'}`;
    }),
    ...kept.map((what) => `· kept: ${printable(what)}`),
    renderStep({ label: name, text: end, ms }, style),
  ];
}
