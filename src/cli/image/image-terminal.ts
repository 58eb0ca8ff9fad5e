import { FakeRegistry, type FakeRegistryOptions } from '../../image/registry/fake-registry.ts';
import { configText, FakeTerminal, type Said, type TerminalOptions } from '../terminal/fake-terminal.ts';
import { filesService, writeBase } from './fake-base.ts';

/** What differs from the project's config, and from the terminal's variables. */
interface Called {
  readonly service?: object;
  readonly local?: object;
  readonly image?: object;
  /** Environments beside those that are there. */
  readonly others?: object;
  readonly env?: Readonly<Record<string, string>>;
}

/** A terminal in a project whose image needs no network, and a registry to push it to. */
export class ImageTerminal implements AsyncDisposable {
  readonly registry: FakeRegistry;
  readonly terminal: FakeTerminal;

  private constructor(registry: FakeRegistry, options: TerminalOptions) {
    this.registry = registry;
    const files = { 'causeway.config.ts': configText(filesService, {}, { base: 'oci:base' }) };
    this.terminal = new FakeTerminal({ files, ...options });
  }

  static async start(
    options: FakeRegistryOptions = { hasReferrers: true },
    terminal: TerminalOptions = {},
  ): Promise<ImageTerminal> {
    const made = new ImageTerminal(await FakeRegistry.start(options), terminal);
    await writeBase(made.terminal.folder);
    return made;
  }

  get repository(): string {
    return `${this.registry.host}/team/shop`;
  }

  /** Makes a key and trusts it from now on; its path. */
  async trustNewKey(): Promise<string> {
    const { stdout } = await this.terminal.call('keys', 'init');
    this.#trust.push(stdout.trim());
    return stdout.trim();
  }

  readonly #trust: string[] = [];
  #configs = 0;

  /** Calls with a config of its own, since one that was loaded is loaded no more. */
  callWith(
    { service = {}, local = {}, image = {}, others = {}, env = {} }: Called,
    ...words: string[]
  ): Promise<Said> {
    const file = `config-${this.#configs++}.ts`;
    const settings = { base: 'oci:base', repository: this.repository, trust: this.#trust, ...image };
    this.terminal.write(file, configText({ ...filesService, ...service }, local, settings, others));
    return this.terminal.callWithEnv(env, ...words, '--config', file);
  }

  call(...words: string[]): Promise<Said> {
    return this.callWith({}, ...words);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.terminal[Symbol.dispose]();
    await this.registry[Symbol.asyncDispose]();
  }
}

/** What differs from run to run: the registry's port, digests and keys. */
export function withoutPlaces(text: string): string {
  return (
    text
      // The place of a time depends on how long the registry's port is.
      .replaceAll(/ {2,}(?=\d+\.\d+ s$)/gm, '  ')
      .replaceAll(/127\.0\.0\.1:\d+\/team/g, 'registry.example.com/team')
      .replaceAll(/\b[0-9a-f]{64}\b/g, '<digest>')
      .replaceAll(/\b[0-9a-f]{12}\b/g, '<key>')
      .replaceAll(/\b(?=[0-9a-f]*\d)[0-9a-f]{7}\b/g, '<short>')
  );
}
