import type { CloudEvent, CloudPlan, CloudUpRequest } from '../../core/cloud.ts';
import { showMs } from '../../core/duration.ts';
import type { CloudPart, Status } from '../../core/environment.ts';
import { UserError } from '../../core/errors.ts';
import type { Chosen } from '../choose-environment.ts';
import type { Cli } from '../cli.ts';
import { mailAddress } from '../grammar/parse-flag.ts';
import { Interrupted } from '../interrupted.ts';
import type { Board } from '../terminal/board.ts';
import { count } from '../terminal/count.ts';
import { labelWidthFor } from '../terminal/step-line.ts';
import { dollars, showCloudPlan } from './show-price.ts';

export interface RaiseOptions extends CloudUpRequest {
  /** Make it without asking. */
  readonly isSure: boolean;
  /** Make it although it costs more than its budget. */
  readonly mayExceed: boolean;
}

export interface Raising extends RaiseOptions {
  readonly cloud: CloudPart;
  /** How it is now. */
  readonly state: NonNullable<Status['cloud']>['state'];
  readonly board: Board;
  /** What goes on beside the making. It ends with it, and what ails it is left to who does it again afterwards. */
  readonly meanwhile?: (signal: AbortSignal) => Promise<void>;
}

/**
 * Makes what a cloud lacks, or changes it, once its price was shown and agreed to; nothing where it stands as it should.
 * Ctrl-C leaves what AWS is making to go on by itself.
 */
export async function raise(cli: Cli, chosen: Chosen, raising: Raising): Promise<void> {
  const { name } = chosen;
  const { io } = cli;
  const { cloud, state, board, budgetEmail, ttlMs } = raising;
  const request = {
    ...(budgetEmail === undefined ? {} : { budgetEmail }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
  };
  board.show('plan', 'what would change, and what it costs');
  const first = await cloud.plan(request, io.signal);
  const stands = state === 'made';
  if (first.changes.length === 0 && stands) return;
  board.end({ label: 'plan', text: count(first.changes.length, 'change') });
  const columns = cli.err.isLive ? io.stderr.columns : Number.POSITIVE_INFINITY;
  const dressing = { style: cli.err, width: labelWidthFor(name), columns, now: io.now() };
  for (const line of showCloudPlan(first, dressing)) io.stderr.write(`${cli.err.spell(line)}\n`);
  refuseOver(first, raising, name);
  const address = stands ? undefined : await askForAddress(cli, first, raising);
  const wanted = address === undefined ? request : { ...request, budgetEmail: address };
  const plan = address === undefined ? first : await cloud.plan(wanted, io.signal);
  await agree(cli, name, plan, raising);
  const startedAt = io.now();
  try {
    const up = cloud.up(wanted, tell(board, plan.usualMs), io.signal);
    await (raising.meanwhile ? besides(up, raising.meanwhile, io.signal) : up);
  } catch (thrown) {
    if (!io.signal.aborted) throw thrown;
    throw new Interrupted(
      `what was begun in account ${plan.identity.account} goes on by itself, and costs what it costs`,
      `causeway up ${name} goes on; causeway down ${name} takes it away`,
    );
  }
  board.end({
    label: 'cloud',
    text: `${plan.identity.account}  ${plan.identity.region}`,
    ms: io.now() - startedAt,
  });
}

/** Waits for both; what goes on beside is ended where the making fails. */
async function besides(up: Promise<void>, work: (signal: AbortSignal) => Promise<void>, given: AbortSignal) {
  const failure = new AbortController();
  // Ctrl-C ends both.
  const beside = work(AbortSignal.any([given, failure.signal])).catch((thrown: unknown) => {
    if (!(thrown instanceof UserError) && !failure.signal.aborted) throw thrown;
  });
  try {
    await up;
  } catch (thrown) {
    failure.abort(thrown);
    throw thrown;
  } finally {
    await beside;
  }
  given.throwIfAborted();
}

function refuseOver({ outlook }: CloudPlan, { mayExceed }: RaiseOptions, name: string): void {
  if (!outlook.exceedsBudget || mayExceed) return;
  throw new UserError({
    code: 'budget_exceeded',
    message: `${name} may cost ${dollars(outlook.atWorst)}${outlook.kind === 'stays' ? ' a month' : ''}, which is more than its budget`,
    hint: `write a higher budget or a shorter ttl in the config, or causeway up ${name} --over-budget`,
  });
}

/** Asked once, when it is made; an empty answer is nobody. */
async function askForAddress(
  { io, options }: Cli,
  { budgetEmail }: CloudPlan,
  { isSure }: RaiseOptions,
): Promise<string | undefined> {
  if (isSure || !io.ask || options.json || budgetEmail !== undefined) return undefined;
  const typed = (await io.ask('mail address that the budget’s alarm tells, or nothing for nobody: ')).trim();
  if (io.signal.aborted) throw new Interrupted('nothing was made');
  return typed === '' ? undefined : mailAddress('the address', typed);
}

async function agree(
  { io, options }: Cli,
  name: string,
  plan: CloudPlan,
  { isSure }: RaiseOptions,
): Promise<void> {
  if (isSure) return;
  const { account } = plan.identity;
  if (!io.ask || options.json) {
    throw new UserError({
      code: 'usage_wrong',
      message: `up changes account ${account}, which costs money, and there is nobody to ask`,
      hint: `causeway up ${name} --yes, if that is what you want`,
    });
  }
  const typed = await io.ask(
    `make ${count(plan.changes.length, 'change')} in account ${account}? yes or no: `,
  );
  if (io.signal.aborted) throw new Interrupted('nothing was made');
  if (typed === 'yes' || typed === 'y') return;
  throw new UserError({
    code: 'not_confirmed',
    message: `'${typed}' is not yes`,
    hint: `nothing was made; causeway plan ${name} shows it again`,
  });
}

/** Told on the board: the resource under way, and each stack that has come to rest; beside how long it takes as a rule. */
export function tell(board: Board, usualMs?: number): (event: CloudEvent) => void {
  const usual = usualMs === undefined ? '' : `  (${showMs(usualMs)} as a rule)`;
  const done = new Map<string, number>();
  return (event) => {
    switch (event.kind) {
      case 'resource': {
        const { stack, resource, state, total, because } = event;
        if (/^(created|updated|deleted)$/.test(state)) done.set(stack, (done.get(stack) ?? 0) + 1);
        const far =
          total === undefined
            ? `${done.get(stack) ?? 0}`
            : `${Math.min(done.get(stack) ?? 0, total)} of ${total}`;
        if (state === 'failed')
          board.say({ label: 'stack', text: `${resource}: ${because ?? 'failed'}`, mood: 'bad' });
        else board.show('stack', `${stack}: ${far}  ${resource} ${state}${usual}`);
        return;
      }
      case 'settled':
        board.end({
          label: 'stack',
          text: `${event.stack}: ${event.changed === 0 ? 'nothing to change' : count(event.changed, 'change')}`,
          ms: event.ms,
        });
        return;
      case 'waiting':
        board.showLong('stack', `waits for ${event.for}`);
        return;
      case 'retrying':
        board.say({ label: 'retry', text: `${event.what}: ${event.because}` });
    }
  };
}
