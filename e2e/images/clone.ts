import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { findFreePort } from '../../src/local/free-port.ts';
import { endNow, processesBelow } from '../local/project.ts';
import { asRoot, mustRun, type Ran, run } from './run-program.ts';

export interface CloneOptions {
  /** The folder's name. */
  readonly name: string;
  /** `image` of the config, as the text of an object. */
  readonly image: string;
  /** Whose files these are, and who runs the commands; the tests' own user if none. */
  readonly uid?: number | undefined;
  readonly umask: string;
  readonly env?: Readonly<Record<string, string>>;
}

export type Clone = Awaited<ReturnType<typeof makeClone>>;

const repository = realpathSync(join(import.meta.dir, '..', '..'));

/** What git would clone of this repository, with what is not committed yet, and the packages there already. */
export async function makeClone({ name, image, uid, umask, env: more }: CloneOptions) {
  const base = mkdtempSync(join(realpathSync('/tmp'), 'cw-'));
  const folder = join(base, name);
  const port = findFreePort();
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: base,
    XDG_STATE_HOME: join(base, 'state'),
    XDG_RUNTIME_DIR: join(base, 'run'),
    DOCKER_HOST: `unix://${base}/no-engine.sock`,
    ...more,
  };
  await copyTree(folder);
  edit('causeway.config.ts', 'environments: {', `image: ${image},\n  environments: {`);
  edit('causeway.config.ts', "runner: 'container'", `runner: 'container', port: ${port}, bake: '500ms'`);
  await mustRun(['chmod', '-R', umask === '077' ? 'go-rwx' : 'go+rX', folder]);
  if (uid !== undefined) await mustRun(asRoot(['chown', '-R', `${uid}:${uid}`, base]));
  await linkPackages();

  return {
    base,
    folder,
    port,
    env,
    edit,
    causeway: (...args: readonly string[]): Promise<Ran> => {
      const command = ['sh', '-c', `umask ${umask}; exec "$@"`, 'sh', './causeway', ...args];
      const user = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
      return run([...user, ...command], { cwd: folder, env, bare: true });
    },
    async [Symbol.asyncDispose]() {
      for (let left = processesBelow([base]); left.length > 0; left = processesBelow([base]))
        left.forEach(endNow);
      await mustRun(asRoot(['rm', '-rf', base]));
    },
  };

  function edit(path: string, from: string, to: string): void {
    const text = readFileSync(join(folder, path), 'utf8');
    if (!text.includes(from)) throw new Error(`${path} no longer holds ${from}`);
    writeFileSync(join(folder, path), text.replace(from, to));
  }

  /** As hard links where that can be; they are read alone. */
  async function linkPackages(): Promise<void> {
    const from = join(repository, 'node_modules');
    const linked = await run(asRoot(['cp', '-al', from, folder]));
    if (linked.exitCode !== 0) await mustRun(asRoot(['cp', '-a', from, folder]));
  }
}

async function copyTree(folder: string): Promise<void> {
  const listed = await mustRun(['git', 'ls-files', '-co', '--exclude-standard', '-z'], { cwd: repository });
  for (const path of listed.split('\0').filter(Boolean)) {
    if (!existsSync(join(repository, path))) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(repository, path), join(folder, path));
  }
}
