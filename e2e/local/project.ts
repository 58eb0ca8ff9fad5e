import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { CausewayConfig } from '../../src/core/config.ts';
import type { Difference } from '../../src/core/difference.ts';
import type { RolloutRecord } from '../../src/core/record.ts';
import { type Load, type LoadOptions, startLoad } from '../../src/load/load.ts';
import type { Shape } from '../../src/load/shape.ts';
import { findFreePort } from '../../src/local/free-port.ts';
import { openHistory } from '../../src/local/history.ts';
import { type Paths, pathsOf } from '../../src/local/paths.ts';

export interface ProjectOptions {
  /** Beside `entry: 'service.ts'`, short deadlines and the fixtures' probes. */
  readonly service?: Partial<CausewayConfig['service']>;
  readonly environment?: Partial<CausewayConfig['environments'][string]>;
  readonly image?: CausewayConfig['image'];
  /** By their path in the project: a text, or a file of e2e/fixtures. */
  readonly files?: Readonly<Record<string, string | { readonly fixture: string }>>;
}

/** How a command ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What `--json` printed. */
  readonly json: () => Document;
}

/** What the tests read of `--json`, of any command. */
interface Document {
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly hint: string;
    readonly details?: string;
  };
  readonly outcome?: string;
  readonly release?: string;
  readonly serves?: string;
  readonly record?: RolloutRecord;
  readonly state?: string;
  readonly because?: string;
  readonly url?: string;
  readonly stable?: { readonly release: string; readonly revision?: string } & string;
  readonly rollout?: { readonly release: string };
  readonly running?: readonly { readonly id: string; readonly phase: string; readonly release: string }[];
  readonly rollouts?: readonly RolloutRecord[];
  readonly lines?: readonly { readonly text: string; readonly release: string; readonly replica: string }[];
  readonly items?: readonly { readonly what: string; readonly isGone: boolean }[];
  readonly kept?: readonly string[];
  readonly image?: string;
  readonly artifact?: string;
  readonly reference?: string;
  readonly signedBy?: string;
  readonly isGood?: boolean;
  readonly claims?: readonly { readonly name: string; readonly isGood: boolean; readonly says: string }[];
  readonly id?: string;
  readonly publicKey?: string;
  readonly differences?: readonly Difference[];
  readonly mended?: readonly Difference[];
}

export interface Started {
  readonly process: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  readonly ended: Promise<Ended>;
  /** Resolves when it has said this on stderr. */
  readonly says: (text: string) => Promise<void>;
  /** Resolves when it has printed this on stdout. */
  readonly prints: (text: string) => Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly release: string | null;
  readonly body: string;
}

export type Project = Awaited<ReturnType<typeof makeProject>>;

const repository = join(import.meta.dir, '..', '..');
const fixtures = join(repository, 'e2e', 'fixtures');
/** As `./causeway` starts it. */
const launcher = [
  process.execPath,
  '--config=/dev/null',
  '--no-install',
  '--no-env-file',
  join(repository, 'src', 'cli', 'main.ts'),
];

/**
 * A project in a folder with a space in its name, with state, socket and port of its own. Disposing of it ends
 * every process that belongs to it, whatever a test did to them.
 */
export async function makeProject(options: ProjectOptions = {}) {
  const base = mkdtempSync(join(realpathSync('/tmp'), 'cw-'));
  const folder = join(base, 'a project');
  const port = findFreePort();
  const env = envBelow(base);
  const about = { project: 'shop', folder, environment: 'local', uid: process.getuid?.() ?? 0 };
  const paths: Paths = pathsOf({ ...about, env });
  const children = new Set<Bun.Subprocess>();
  const loads: Load[] = [];
  const files = openFiles(folder, options.files);
  let config: CausewayConfig = configOf(options, port);

  const project = {
    base,
    folder,
    port,
    env,
    paths,
    url: `http://127.0.0.1:${port}`,
    causeway: (...args: readonly string[]) => start(args).ended,
    start: (...args: readonly string[]) => start(args),
    ...files,
    /** Changes the config; what is not named stays. */
    configure(changes: Pick<ProjectOptions, 'service' | 'environment' | 'image'>) {
      const { local } = config.environments;
      config = {
        ...config,
        service: { ...config.service, ...changes.service },
        ...(changes.image ? { image: { ...config.image, ...changes.image } } : {}),
        environments: { local: { target: 'local', ...local, ...changes.environment } },
      };
      writeConfig();
    },
    load(shape: Shape, more: Pick<LoadOptions, 'failuresKept'> = {}): Load {
      const load = startLoad({ port, shape, ...more });
      loads.push(load);
      return load;
    },
    /** What the front door answers. */
    ask,
    records: (): Promise<readonly RolloutRecord[]> => openHistory(paths).list(),
    /** What belongs to this project's environment and runs. */
    processes: () => processesOf(paths.root),
    /** Whether any process has to do with the project's folder, commands of the user's included. */
    strays: () => processesBelow([base, paths.root]),
    async [Symbol.asyncDispose]() {
      await Promise.all(loads.map((load) => load.stop()));
      for (const child of children) child.kill('SIGKILL');
      await until('every process of the project has ended', () => {
        const left = processesBelow([base, paths.root]);
        // The keeper goes first, so that it starts no supervisor again.
        const keepers = processesOf(paths.root).keepers;
        for (const pid of keepers.length > 0 ? keepers : left) endNow(pid);
        return left.length === 0;
      });
      rmSync(base, { recursive: true, force: true });
    },
  };

  writeConfig();
  return project;

  function start(args: readonly string[]): Started {
    const started = startCauseway({ args, folder, env });
    children.add(started.process);
    void started.ended.then(() => children.delete(started.process));
    return started;
  }

  function writeConfig(): void {
    files.write('causeway.config.ts', `export default ${JSON.stringify(config, null, 2)};\n`);
  }

  async function ask(path = '/', init?: BunFetchRequestInit): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      keepalive: false,
      signal: AbortSignal.timeout(20_000),
      ...init,
    });
    const { status, headers } = response;
    return { status, release: headers.get('x-release'), body: await response.text() };
  }
}

/** What a command is started with, instead of what the environment of the tests holds; what it keeps lies below the folder. */
export function envBelow(base: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? base,
    LANG: 'C.UTF-8',
    GIT_CEILING_DIRECTORIES: base,
    XDG_STATE_HOME: join(base, 'its state'),
    XDG_RUNTIME_DIR: join(base, 'run'),
  };
}

/** The files of a project, which begins as `good.ts`. */
export function openFiles(folder: string, more: ProjectOptions['files'] = {}) {
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(fixtures, 'serve.ts'), join(folder, 'serve.ts'));
  use('good.ts');
  for (const [path, content] of Object.entries(more)) {
    if (typeof content === 'string') write(path, content);
    else copyFileSync(join(fixtures, content.fixture), place(path));
  }
  return { use, write, edit };

  /** Makes a fixture the service; `change` makes another release of it. */
  function use(fixture: string, change?: { readonly mark: string }): void {
    const text = readFileSync(join(fixtures, fixture), 'utf8');
    const mark = /(?<=mark(?: =|:) ')[^']*/;
    if (change !== undefined && !mark.test(text)) throw new Error(`${fixture} has no mark`);
    write('service.ts', change === undefined ? text : text.replace(mark, change.mark));
  }

  function write(path: string, text: string): void {
    writeFileSync(place(path), text);
  }

  function edit(path: string, from: string, to: string): void {
    const text = readFileSync(join(folder, path), 'utf8');
    if (!text.includes(from)) throw new Error(`${path} does not hold ${from}`);
    write(path, text.replace(from, to));
  }

  function place(path: string): string {
    const whole = join(folder, path);
    mkdirSync(dirname(whole), { recursive: true });
    return whole;
  }
}

interface StartOptions {
  readonly args: readonly string[];
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The command as a process of its own, as `./causeway` starts it. */
export function startCauseway({ args, folder, env }: StartOptions): Started {
  const heard = { stdout: '', stderr: '' };
  const child = Bun.spawn([...launcher, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = (async () => {
    await Promise.all([listen('stdout'), listen('stderr')]);
    await child.exited;
    return { exitCode: child.exitCode, ...heard, json: () => parse(args, heard) };
  })();
  return {
    process: child,
    ended,
    says: (text) => hear('stderr', text),
    prints: (text) => hear('stdout', text),
  };

  function hear(stream: keyof typeof heard, text: string): Promise<void> {
    return until(`causeway ${args.join(' ')} says ${text}`, () => {
      if (heard[stream].includes(text)) return true;
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${heard.stderr}`);
      return false;
    });
  }

  async function listen(stream: keyof typeof heard): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of child[stream]) heard[stream] += decoder.decode(chunk, { stream: true });
  }
}

function configOf({ service, environment, image }: ProjectOptions, port: number): CausewayConfig {
  return {
    project: 'shop',
    service: {
      ...(service?.files ? {} : { entry: 'service.ts' }),
      probes: { ready: '/readyz', live: '/livez' },
      drain: '5s',
      ...service,
    },
    ...(image ? { image } : {}),
    environments: {
      local: { target: 'local', port, bake: '500ms', deadlines: { start: '5s' }, ...environment },
    },
  };
}

function parse(args: readonly string[], { stdout, stderr }: Pick<Ended, 'stdout' | 'stderr'>): Document {
  try {
    return JSON.parse(stdout) as Document;
  } catch {
    throw new Error(`causeway ${args.join(' ')} printed no JSON: ${stdout}\n${stderr}`);
  }
}

/** The deadline bounds hanging alone; a test waits for what it claims, not for time to pass. */
const hangingMs = 30_000;

/** Resolves as soon as the claim holds. */
export async function until(
  what: string,
  claim: () => boolean | Promise<boolean>,
  { withinMs = hangingMs }: { readonly withinMs?: number } = {},
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await claim())) {
    if (Date.now() > deadline) throw new Error(`still not: ${what}`);
    await Bun.sleep(10);
  }
}

/** Ends the test where a command ended otherwise, with what it said. */
export async function mustEnd(ended: Promise<Ended>, exit = 0): Promise<Ended> {
  const { exitCode, stderr, stdout } = await ended;
  if (exitCode !== exit) throw new Error(`it ended with ${exitCode}, not ${exit}: ${stderr}\n${stdout}`);
  return ended;
}

/** A line of a stack, which no command prints: what it did not expect is a bug. */
export const stackLine = /^\s+at .+[:(]/m;

/** Supervisors, keepers and replicas of the environment whose state lies in this folder. */
export function processesOf(root: string) {
  const supervisors: number[] = [];
  const keepers: number[] = [];
  const replicas: number[] = [];
  for (const pid of runningPids()) {
    const argv = readProc(pid, 'cmdline').split('\0');
    if (readProc(pid, 'environ').includes(`CAUSEWAY_STATE=${root}\0`)) replicas.push(pid);
    else if (argv[3] === 'causeway-keeper' && argv[4]?.startsWith(root)) keepers.push(pid);
    else if (argv[0]?.startsWith(root) && argv.some((word) => word.endsWith('/supervisor.js')))
      supervisors.push(pid);
  }
  return { supervisors, keepers, replicas, all: [...supervisors, ...keepers, ...replicas] };
}

/** Every process that works in one of these folders, or was started with its path. */
export function processesBelow(folders: readonly string[]): readonly number[] {
  return runningPids().filter((pid) => {
    if (pid === process.pid) return false;
    const argv = readProc(pid, 'cmdline');
    const environ = readProc(pid, 'environ');
    const works = linkOf(`/proc/${pid}/cwd`);
    return folders.some(
      (folder) =>
        works.startsWith(folder) || argv.includes(folder) || environ.includes(`CAUSEWAY_STATE=${folder}`),
    );
  });
}

function runningPids(): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && !/^State:\s*[ZX]/m.test(readProc(pid, 'status')));
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Until the last of its threads has ended its sockets are open, though it answers nothing any more. */
export function isRunning(pid: number): boolean {
  const status = readProc(pid, 'status');
  return status !== '' && !(/^State:\s*[ZX]/m.test(status) && /^Threads:\s*[01]$/m.test(status));
}

export function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
