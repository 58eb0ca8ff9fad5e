import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findNpmPackages } from '../images/npm-packages.ts';
import { findPrograms } from '../images/programs.ts';

/** Of @marp-team/marp-core, what is used here. */
interface Marp {
  readonly themeSet: { add: (css: string) => unknown };
  readonly render: (
    markdown: string,
    env: { readonly htmlAsArray: true },
  ) => { readonly html: readonly string[]; readonly css: string; readonly comments: readonly string[][] };
}
type MarpClass = new (options: object) => Marp;

/** Of playwright-core, what is used here. */
export interface Page {
  goto: (url: string) => Promise<unknown>;
  /** The value of an expression, or what its promise becomes. */
  evaluate: <Result>(expression: string) => Promise<Result>;
  pdf: (options: object) => Promise<Uint8Array>;
  emulateMedia: (options: { readonly media: 'print' | 'screen' }) => Promise<void>;
  keyboard: { press: (key: string) => Promise<void> };
}
export interface Browser extends AsyncDisposable {
  newPage: (options: object) => Promise<Page>;
  close: () => Promise<void>;
}

export interface Packages {
  readonly Marp: MarpClass;
  /** Fonts as Web fonts, by the path in the package. */
  readonly font: (path: string) => Buffer;
  readonly openBrowser: () => Promise<Browser>;
}

const slides = join(import.meta.dir, '../../docs/slides');

/** What only the slides need, by a lockfile of their own, in the cache of the tests. */
export async function findPackages(): Promise<Packages> {
  const folder = await findNpmPackages('slides', slides);
  const path = (name: string) => join(folder, 'node_modules', name);
  const load = (name: string) => import(Bun.resolveSync(name, folder));
  const [{ Marp }, { chromium }] = await Promise.all([load('@marp-team/marp-core'), load('playwright-core')]);
  return {
    Marp,
    font: (name) => readFileSync(path(name)),
    async openBrowser() {
      const { program, env } = await findChromium();
      return chromium.launch({ executablePath: program, env: { ...process.env, ...env } });
    },
  };
}

const names = ['google-chrome', 'google-chrome-stable', 'chromium'];
const onMac = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/** The machine's own, else Debian's, unpacked into the cache of the tests. */
async function findChromium(): Promise<{ program: string; env: Readonly<Record<string, string>> }> {
  const own = names.map((name) => Bun.which(name)).find((found) => found !== null);
  if (own) return { program: own, env: {} };
  if (existsSync(onMac)) return { program: onMac, env: {} };
  const { path, env } = await findPrograms(['chromium'], ['chromium']);
  // A library's folder that only its own packages know.
  const libraries =
    env.LD_LIBRARY_PATH?.split(':').flatMap((folder) => [folder, `${folder}/pulseaudio`]) ?? [];
  // What is called so on PATH is a script that looks for its program below /.
  const program = join(dirname(path('chromium')), '../lib/chromium/chromium');
  return { program, env: { ...env, LD_LIBRARY_PATH: libraries.join(':') } };
}
