import type { Receipt } from '../../../core/environment.ts';
import { exitCodes, UserError } from '../../../core/errors.ts';
import { type Chosen, chooseMade, openChosen } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import { tell } from '../../cloud/raise.ts';
import { showCloudReceipt, showInventory, toCloudJson } from '../../cloud/receipt.ts';
import { Interrupted } from '../../interrupted.ts';
import type { DownAllResult, DownResult } from '../../json.ts';
import { Board } from '../../terminal/board.ts';
import { count } from '../../terminal/count.ts';
import { printable } from '../../terminal/printable.ts';
import { labelWidthFor, renderStep } from '../../terminal/step-line.ts';
import type { Style } from '../../terminal/style.ts';
import { askFirst } from './ask-first.ts';

/** Takes an environment away; something that is left is a failure. */
export async function takeDown(
  cli: Cli,
  name: string,
  { isSure, isDry }: { readonly isSure: boolean; readonly isDry: boolean },
): Promise<Result> {
  const chosen = await chooseMade(cli, name);
  const { environment } = chosen;
  if (isDry) return showInventory(cli, chosen);
  await askFirst(cli, chosen, isSure);
  const { receipt, lines } = await takeAway(cli, environment);
  const json: DownResult = {
    environment: name,
    items: [...receipt.items],
    kept: [...receipt.kept],
    ...(receipt.cloud ? { cloud: toCloudJson(receipt.cloud) } : {}),
  };
  return conclude({ json, lines, again: `causeway down ${name} tries again` }, [receipt]);
}

/** Takes away every environment that runs on this machine, also where its config was renamed, moved or lost. */
export async function takeAllDown(cli: Cli): Promise<Result> {
  const running = (await cli.io.listStored(cli.io.env)).filter(({ isRunning }) => isRunning);
  const receipts: Receipt[] = [];
  const failures: UserError[] = [];
  const lines: string[] = [];
  for (const stored of running) {
    const title = `${stored.project} in ${printable(stored.folder)}`;
    try {
      const { environment } = await openChosen(cli, stored);
      const taken = await takeAway(cli, environment);
      receipts.push(taken.receipt);
      lines.push(title, ...taken.lines, '');
    } catch (thrown) {
      // One that fails must not keep the others.
      if (!(thrown instanceof UserError)) throw thrown;
      failures.push(thrown);
      lines.push(title, `✗ ${printable(thrown.message)}`, '');
    }
  }
  lines.push(
    running.length === 0 ? 'no environment runs on this machine' : count(running.length, 'environment'),
  );
  const json: DownAllResult = {
    receipts: receipts.map(({ environment, items, kept }) => ({
      environment,
      items: [...items],
      kept: [...kept],
    })),
  };
  const result = conclude({ json, lines, again: 'causeway down --all tries again' }, receipts);
  return failures[0] ? { ...result, exit: exitCodes.failed, error: failures[0] } : result;
}

interface Taken {
  readonly receipt: Receipt;
  readonly lines: readonly string[];
}

async function takeAway(cli: Cli, environment: Chosen['environment']): Promise<Taken> {
  const { io } = cli;
  const { name } = environment;
  const board = new Board(io, cli.err, labelWidthFor(name));
  const startedAt = io.now();
  try {
    board.show('down', `${name}: what is in flight ends first`);
    const receipt = await environment.down(io.signal, tell(board));
    board.close();
    const left = countLeft(receipt);
    if (receipt.cloud)
      return { receipt, lines: showCloudReceipt(receipt, receipt.cloud, cli.out, io.now() - startedAt) };
    if (left > 0) board.say({ label: 'left', text: leftText(left, receipt), mood: 'bad' });
    return { receipt, lines: showReceipt(receipt, cli.out, io.now() - startedAt) };
  } catch (thrown) {
    if (!io.signal.aborted) throw thrown;
    throw new Interrupted(`${name} may be half taken down`, `causeway down ${name} goes on`);
  } finally {
    board.close();
  }
}

function conclude(
  { json, lines, again }: { json: DownResult | DownAllResult; lines: readonly string[]; again: string },
  receipts: readonly Receipt[],
): Result {
  const isLeft = receipts.some((receipt) => countLeft(receipt) > 0);
  return {
    json,
    lines,
    ...(isLeft ? { next: [again] } : {}),
    exit: isLeft ? exitCodes.failed : exitCodes.done,
  };
}

function countLeft({ items }: Receipt): number {
  return items.filter(({ isGone }) => !isGone).length;
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
    renderStep({ label: name, text: end, ms }, style, labelWidthFor(name)),
  ];
}
