import type { EnvironmentConfig } from '../../core/config.ts';
import { showMs, toMs } from '../../core/duration.ts';
import { UserError } from '../../core/errors.ts';
import type { Chosen } from '../choose-environment.ts';
import type { Cli } from '../cli.ts';
import { Interrupted } from '../interrupted.ts';
import type { Board } from '../terminal/board.ts';
import { runShell, type ShellEnd } from './run-shell.ts';

export interface Hook {
  readonly label: 'before' | 'after';
  readonly folder: string;
  readonly environmentConfig: EnvironmentConfig;
  readonly env: Readonly<Record<string, string>>;
}

/** What a hook is told. */
export function hookEnv(
  { name }: Pick<Chosen, 'name'>,
  release: string | undefined,
): Readonly<Record<string, string>> {
  return { CAUSEWAY_ENVIRONMENT: name, ...(release ? { CAUSEWAY_RELEASE: release } : {}) };
}

/** The user's command before a rollout; if it fails, nothing is rolled out. */
export async function runBefore(
  cli: Cli,
  hook: Omit<Hook, 'label'>,
  board: Board,
  signal: AbortSignal,
): Promise<void> {
  const end = await runHook(cli, { ...hook, label: 'before' }, board, signal);
  if (end === undefined || hasSucceeded(end)) return;
  if (end.kind === 'aborted')
    throw new Interrupted('the hook before was stopped, and nothing was rolled out');
  throw new UserError({
    code: 'hook_failed',
    message: `the hook before the rollout ${howItEnded(end, hook.environmentConfig)}`,
    hint: 'hooks.before in the config says what is run; mend it, then run the same command again',
    ...('output' in end ? { details: end.output.trimEnd() } : {}),
  });
}

/** The user's command after a rollout. Its failure is told, and changes nothing. */
export async function runAfter(
  cli: Cli,
  hook: Omit<Hook, 'label'>,
  board: Board,
  signal: AbortSignal,
): Promise<void> {
  const end = await runHook(cli, { ...hook, label: 'after' }, board, signal);
  if (end === undefined || hasSucceeded(end)) return;
  const how = end.kind === 'aborted' ? 'was stopped' : howItEnded(end, hook.environmentConfig);
  board.end({ label: 'after', text: `the hook ${how}, which changes nothing`, mood: 'bad' });
  if ('output' in end && end.output !== '')
    for (const line of end.output.trimEnd().split('\n')) board.below(line);
}

async function runHook(
  { io, options }: Cli,
  { label, folder, environmentConfig, env }: Hook,
  board: Board,
  signal: AbortSignal,
): Promise<ShellEnd | undefined> {
  const command = environmentConfig.hooks[label];
  if (command === undefined) return undefined;
  const shown = typeof command === 'string' ? command : command.join(' ');
  board.show(label, shown);
  if (options.verbose) board.below(`${shown} in ${folder}`);
  const deadlineMs = toMs(environmentConfig.deadlines.hook);
  const onLine = options.verbose ? { onLine: (line: string) => board.below(line) } : {};
  const end = await runShell({ command, folder, env, deadlineMs, signal, ...onLine }, io);
  if (hasSucceeded(end)) board.end({ label, text: shown });
  return end;
}

function hasSucceeded(end: ShellEnd): boolean {
  return end.kind === 'ended' && end.code === 0;
}

function howItEnded(end: Exclude<ShellEnd, { kind: 'aborted' }>, { deadlines }: EnvironmentConfig): string {
  if (end.kind === 'notStarted') return `did not start: ${end.why}`;
  if (end.kind === 'timeout') return `did not end within ${showMs(toMs(deadlines.hook))}`;
  return `failed with ${end.how}`;
}
