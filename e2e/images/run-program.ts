export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string;
  /** Whether `env` is all that it gets, without the tests' own. */
  readonly bare?: boolean;
}

/** Runs a program to its end, whatever that is. */
export async function run(
  argv: readonly string[],
  { cwd, env, stdin, bare = false }: RunOptions = {},
): Promise<Ran> {
  const child = Bun.spawn([...argv], {
    cwd,
    env: bare ? env : { ...process.env, ...env },
    stdin: stdin === undefined ? 'ignore' : Buffer.from(stdin),
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { exitCode, stdout, stderr };
}

/** Runs a program that must end well; what it printed. */
export async function mustRun(argv: readonly string[], options?: RunOptions): Promise<string> {
  const { exitCode, stdout, stderr } = await run(argv, options);
  if (exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${exitCode}: ${stderr.trim() || stdout}`);
  return stdout;
}

/** As root: as it is where the tests are root, else by sudo where that asks for no password. */
export function asRoot(argv: readonly string[]): readonly string[] {
  return process.getuid?.() === 0 ? argv : ['sudo', '-n', ...argv];
}

/** Ends with the tests, even where they are killed. */
export function withTests(argv: readonly string[]): readonly string[] {
  return Bun.which('setpriv') ? ['setpriv', '--pdeathsig', 'TERM', ...argv] : argv;
}

export async function mayBeRoot(): Promise<boolean> {
  if (process.getuid?.() === 0) return true;
  return Bun.which('sudo') !== null && (await run(['sudo', '-n', 'true'])).exitCode === 0;
}
