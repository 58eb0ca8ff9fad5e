import { CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { exitCodes, UserError } from '../core/errors.ts';
import { wordsOf } from '../core/words-of.ts';
import type { Cli, GlobalOptions, Result } from './cli.ts';
import { commandAt, isGroup, treeOf } from './grammar/command-tree.ts';
import { formatHelp, formatOverview, type Shown } from './grammar/help.ts';
import { commandMissing, toUsageError, unknownCommand } from './grammar/usage-error.ts';
import { Interrupted } from './interrupted.ts';
import type { Io } from './io.ts';
import type { Failure } from './json.ts';
import { toJsonLine } from './json-line.ts';
import { makeProgram, version } from './program.ts';
import { nameImage } from './terminal/name-image.ts';
import { renderNext } from './terminal/next-steps.ts';
import { showBug, showInterrupted, showUserError } from './terminal/show-error.ts';
import { makeStyle } from './terminal/style.ts';

/** Runs one command line and says how it ended: the exit code. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  const dashes = argv.indexOf('--');
  const words = dashes === -1 ? argv : argv.slice(0, dashes);
  const rest = dashes === -1 ? [] : argv.slice(dashes + 1);
  const cli = makeCli(io, readGlobals(words), rest);
  try {
    const result = await dispatch(words, cli);
    return print(result, cli);
  } catch (thrown) {
    return fail(thrown, cli, argv);
  }
}

function makeCli(
  io: Io,
  { isPlain, ...options }: GlobalOptions & { isPlain: boolean },
  rest: Cli['rest'],
): Cli {
  const { env } = io;
  return {
    io,
    options,
    command: env.CAUSEWAY_COMMAND || 'causeway',
    signed: new Set(),
    rest,
    out: makeStyle({ stream: io.stdout, env, isPlain: isPlain || options.json === true }),
    err: makeStyle({ stream: io.stderr, env, isPlain }),
  };
}

/** Read before the rest, so that a wrong command line is answered as it asks to be. */
function readGlobals(words: readonly string[]): GlobalOptions & { isPlain: boolean } {
  return {
    json: words.includes('--json'),
    verbose: words.includes('--verbose'),
    isPlain: words.includes('--no-color'),
  };
}

async function dispatch(words: readonly string[], cli: Cli): Promise<Result> {
  let result: Result = {};
  const program = makeProgram(async (work) => {
    result = await work({ ...cli, options: { ...cli.options, ...program.opts() } });
  });
  const shown = { columns: Math.min(cli.io.stdout.columns, 100), call: cli.command };
  prepare(program, cli, shown);
  if (words.length === 0) return write(formatOverview(program, shown), cli);
  refuseRest(program, words, cli);
  const asked = askedForHelp(program, words);
  try {
    await program.parseAsync([...(asked ?? words)], { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return {};
    if (thrown.code === 'commander.help') return overview(program, words, cli, shown);
    throw toUsageError(program, words, thrown);
  }
  return result;
}

/** Where the words end before a command: what there is. */
function overview(program: CommandUnknownOpts, words: readonly string[], cli: Cli, shown: Shown): Result {
  const { command } = commandAt(program, words.filter(isPlain));
  if (cli.options.json) throw commandMissing(command);
  return write(command === program ? formatOverview(program, shown) : formatHelp(command, shown), cli);
}

/** Help is text alone. */
function write(text: string, { io, out }: Cli): Result {
  io.stdout.write(out.spell(text));
  return {};
}

function prepare(program: CommandUnknownOpts, { io }: Cli, shown: Shown): void {
  for (const command of treeOf(program)) {
    command.exitOverride();
    command.configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: () => {},
      outputError: () => {},
    });
    command.configureHelp({ formatHelp: (helped) => formatHelp(helped, shown) });
  }
}

/** `--` and what follows it is for `run` and `exec` alone. */
function refuseRest(program: CommandUnknownOpts, words: readonly string[], { rest }: Cli): void {
  const word = words.find((candidate) => !candidate.startsWith('-'));
  if (rest.length === 0 || word === 'run' || word === 'exec' || word === 'help') return;
  if (!program.commands.some((command) => command.name() === word)) throw unknownCommand(program, word ?? '');
  throw new UserError({
    code: 'usage_wrong',
    message: `causeway ${word} takes no command after --: ${rest.join(' ')}`,
    hint: `causeway run -- ${rest.join(' ')} runs it in a one-off replica`,
  });
}

/** `help image build` as `image build --help`. Commander would answer `help upp` with the help of the program. */
function askedForHelp(program: CommandUnknownOpts, words: readonly string[]): readonly string[] | undefined {
  const [word, topic] = words;
  if (word !== 'help' || topic === undefined || topic.startsWith('-')) return undefined;
  const { command, rest } = commandAt(program, words.slice(1));
  const unknown = rest.find(isPlain);
  if (unknown !== undefined && isGroup(command)) throw unknownCommand(command, unknown);
  return [...words.slice(1), '--help'];
}

function isPlain(word: string): boolean {
  return !word.startsWith('-');
}

function print(result: Result, cli: Cli): number {
  const { lines, labelWidth, json, exit } = result;
  const { io, options, command, out, err, signed } = cli;
  const next = result.next?.map((step) => nameImage(signed, step));
  const error =
    result.error && new UserError({ ...result.error.toJSON(), hint: nameImage(signed, result.error.hint) });
  if (options.json && json) {
    io.stdout.write(`${toJsonLine(error ? { ...json, error: toErrorJson(error) } : json)}\n`);
  } else if (lines && lines.length > 0) {
    io.stdout.write(`${lines.map(out.spell).join('\n')}\n`);
  }
  if (next && next.length > 0 && !options.json) {
    const columns = err.isLive ? io.stderr.columns : Number.POSITIVE_INFINITY;
    io.stderr.write(
      `${renderNext(next, { columns, style: err, command, labelWidth }).map(err.spell).join('\n')}\n`,
    );
  }
  if (error) io.stderr.write(err.spell(showUserError(error, { style: err, command, place: io })));
  return exit ?? exitCodes[error?.exit ?? 'done'];
}

function fail(thrown: unknown, cli: Cli, argv: readonly string[]): number {
  const { io, err } = cli;
  if (thrown instanceof UserError) return print({ json: { error: toErrorJson(thrown) }, error: thrown }, cli);
  if (thrown instanceof Interrupted || io.signal.aborted) {
    const { message, next = '' } =
      thrown instanceof Interrupted ? thrown : new Interrupted('nothing was changed');
    const interrupted = new Interrupted(message, nameImage(cli.signed, next) || undefined);
    printErrorJson(cli, { code: 'interrupted', message, hint: interrupted.next ?? '' });
    io.stderr.write(err.spell(showInterrupted(interrupted, { style: err, command: cli.command })));
    return exitCodes.interrupted;
  }
  printErrorJson(cli, {
    code: 'bug',
    message: wordsOf(thrown),
    hint: 'report it with the lines on stderr',
  });
  io.stderr.write(showBug(thrown, err, argv, version));
  return exitCodes.failed;
}

function printErrorJson({ io, options }: Cli, error: { code: string; message: string; hint: string }): void {
  if (options.json) io.stdout.write(`${toJsonLine({ error })}\n`);
}

function toErrorJson({ code, message, hint, details }: UserError): Failure['error'] {
  return { code, message, hint, ...(details === undefined ? {} : { details }) };
}
