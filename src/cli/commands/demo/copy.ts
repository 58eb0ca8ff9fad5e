import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An edit of the copied service: what stands in a file, and what shall stand there. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/**
 * A small service of the demo's own, copied to a folder of its own with its config and all that its environment
 * keeps: your service, edited or replaced, is not touched and does not matter.
 */
export class DemoCopy {
  readonly folder: string;
  readonly #original = join(import.meta.dir, 'service');
  #edited: string | undefined;

  constructor(port: number) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'causeway-demo-')));
    cpSync(this.#original, join(this.folder, 'service'), { recursive: true });
    writeFileSync(join(this.folder, 'causeway.config.ts'), configText(port));
  }

  get config(): string {
    return join(this.folder, 'causeway.config.ts');
  }

  /** Where the environment of the copy keeps its state and its socket. */
  get env(): Readonly<Record<string, string>> {
    return { XDG_STATE_HOME: join(this.folder, 'state'), XDG_RUNTIME_DIR: this.folder };
  }

  /** Makes one edit; the one before is undone. */
  edit({ file, from, to }: Edit): void {
    this.#undo();
    const path = join(this.folder, 'service', file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(from)) throw new Error(`service/${file} no longer holds ${JSON.stringify(from)}`);
    writeFileSync(path, text.replace(from, to));
    this.#edited = file;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #undo(): void {
    if (this.#edited === undefined) return;
    cpSync(join(this.#original, this.#edited), join(this.folder, 'service', this.#edited));
    this.#edited = undefined;
  }
}

function configText(port: number): string {
  return `export default {
  project: 'demo',
  service: {
    entry: 'service/main.ts',
    test: ['bun', 'test', 'service'],
  },
  environments: { local: { target: 'local', port: ${port}, bake: '1s' } },
};
`;
}
