import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FakeEnvironment } from '../fake-environment.ts';
import type { Io } from '../io.ts';
import type { StoredPlace } from '../open-environment.ts';
import { runCli } from '../run-cli.ts';

export interface Said {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TerminalOptions {
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTerminal?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  /** Default: one of this machine, in memory. */
  readonly environment?: FakeEnvironment;
}

/** A project in a folder of its own, an environment in memory, and a terminal to call `causeway` in. */
export class FakeTerminal {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'causeway cli ')));
  readonly environment: FakeEnvironment;
  readonly browsed: string[] = [];
  /** What is typed when a command asks; undefined: there is nobody to ask. */
  answer: string | undefined;
  readonly asked: string[] = [];
  /** What the machine remembers of environments. */
  stored: readonly StoredPlace[] = [];
  readonly #options: TerminalOptions;
  #interrupt = new AbortController();
  #ticks: (() => void)[] = [];
  #said = '';
  #listeners: (() => void)[] = [];

  constructor(options: TerminalOptions = {}) {
    this.#options = options;
    const { files = {}, environment = new FakeEnvironment() } = options;
    this.environment = environment;
    for (const [path, text] of Object.entries({ ...project, ...files })) this.write(path, text);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  interrupt(): void {
    this.#interrupt.abort(new Error('Ctrl-C'));
  }

  /** Waits until a command has said this on stderr. */
  said(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (this.#said.includes(text)) resolve();
    };
    this.#listeners.push(look);
    look();
    return promise;
  }

  /** The time that a live line is drawn again. */
  tick(ms: number): void {
    this.environment.now += ms;
    for (const callback of this.#ticks) callback();
  }

  call(...words: string[]): Promise<Said> {
    return this.callWithEnv({}, ...words);
  }

  async callWithEnv(more: Readonly<Record<string, string>>, ...words: string[]): Promise<Said> {
    const { env = {}, isTerminal = false, columns = 80, rows } = this.#options;
    const stdout: string[] = [];
    const stderr: string[] = [];
    const { environment } = this;
    const io: Io = {
      stdout: { write: (text) => void stdout.push(text), isTerminal, columns, rows },
      stderr: {
        write: (text) => {
          stderr.push(text);
          this.#said += text;
          for (const listener of this.#listeners) listener();
        },
        isTerminal,
        columns,
      },
      env: {
        PATH: process.env.PATH,
        HOME: this.folder,
        LANG: 'C.UTF-8',
        TERM: 'xterm',
        GIT_CEILING_DIRECTORIES: '/',
        GIT_DIR: '/nowhere',
        ...env,
        ...more,
      },
      cwd: this.folder,
      home: join(import.meta.dir, '..', '..', '..'),
      docs: join(this.folder, 'docs'),
      user: 'ada@laptop',
      uid: 1000,
      runtime: process.execPath,
      signal: this.#interrupt.signal,
      gone: new AbortController().signal,
      now: () => environment.now,
      every: (_, callback) => {
        this.#ticks.push(callback);
        return () => {
          this.#ticks = this.#ticks.filter((other) => other !== callback);
        };
      },
      atExit: () => () => {},
      pause: async () => false,
      ask: this.answer === undefined ? undefined : async (question) => this.#answerTo(question),
      browse: (url) => void this.browsed.push(url),
      openEnvironment: async () => environment,
      listStored: async () => this.stored,
      publishAgent: async ({ repository }) => this.publishAgent(repository),
    };
    const exit = await runCli(words, io);
    return { exit, stdout: stdout.join(''), stderr: stderr.join('') };
  }

  /** Building a real one takes the runtime of every platform. */
  async publishAgent(repository: string): Promise<string> {
    return `${repository}@sha256:${'a'.repeat(64)}`;
  }

  #answerTo(question: string): string {
    this.asked.push(question);
    return this.answer ?? '';
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** What a config holds, as text of `causeway.config.ts`. */
export function configText(
  service: object = {},
  local: object = {},
  image: object = {},
  others: object = {},
): string {
  const config = {
    project: 'probe',
    service: { entry: 'main.ts', test: 'echo 14 pass', ...service },
    image,
    environments: {
      local: { target: 'local', ...local },
      staging: { target: 'local', port: 8081 },
      ...others,
    },
  };
  return `export default ${JSON.stringify(config, null, 2)};\n`;
}

const project = { 'causeway.config.ts': configText(), 'main.ts': 'console.log("serve");\n' };

/** Release ids differ with the bundler's version; in snapshots they stand as `<id>`. */
export function withoutIds(text: string): string {
  return text.replace(/\b[0-9a-f]{64}\b/g, '<id>').replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{7}\b/g, '<short>');
}
