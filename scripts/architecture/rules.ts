import { dirname, join } from 'node:path/posix';

export interface Source {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

/** What breaks the architecture, one line each; docs/decisions says why it is as it is. */
export function findViolations(sources: readonly Source[]): readonly string[] {
  return sources.flatMap((source) =>
    rules.flatMap((rule) => rule(source).map((violation) => `${source.path} ${violation}`)),
  );
}

const rules: readonly ((source: Source) => readonly string[])[] = [
  importsPointOneWay,
  coreImportsNoAdapter,
  coreDoesNoIo,
  onlyEntriesTouchTheProcess,
  filesAreNamedAfterWhatTheyHold,
];

/** Which layers a layer may import; itself always. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  image: ['core'],
  local: ['image', 'core'],
  load: [],
  packages: ['core'],
  kubernetes: ['packages', 'image', 'core'],
  cloud: ['kubernetes', 'packages', 'core'],
  agent: ['kubernetes', 'load', 'image', 'core'],
  cli: ['cloud', 'local', 'kubernetes', 'load', 'image', 'core'],
  service: [],
  e2e: ['cli', 'cloud', 'local', 'kubernetes', 'load', 'image', 'core', 'service'],
  bench: ['e2e', 'cli', 'cloud', 'local', 'kubernetes', 'load', 'image', 'core', 'service', 'config'],
  scripts: ['e2e', 'cli', 'cloud', 'local', 'kubernetes', 'load', 'image', 'core', 'service', 'config'],
  config: ['core'],
};

function importsPointOneWay({ path, text }: Source): readonly string[] {
  const from = layerOf(path);
  const allowed = mayImport[from];
  if (!allowed) return [`is in ${from}, a layer that scripts/architecture/rules.ts does not know`];
  return importsOf(text, path)
    .filter((name) => name.startsWith('.'))
    .map((name) => join(dirname(path), name))
    .filter((target) => !target.startsWith('..') && !isData(target))
    .filter((target) => layerOf(target) !== from && !allowed.includes(layerOf(target)))
    .map((target) => `imports ${target}: ${from} may import ${allowed.join(', ') || 'itself alone'}`);
}

const coreMayImport = ['zod'];

function coreImportsNoAdapter({ path, text }: Source): readonly string[] {
  if (layerOf(path) !== 'core' || isTest(path)) return [];
  return importsOf(text, path)
    .filter((name) => !name.startsWith('.') && !coreMayImport.includes(name))
    .map((name) => `imports ${name}: of packages, core may import ${coreMayImport.join(' and ')} alone`);
}

/** Clock, randomness and the world come in as arguments, so that every decision can be replayed. */
const worldly =
  /\b(process|Bun(?!\.CryptoHasher\b)|performance|console|globalThis|localStorage)\s*[.[]|\bimport\.meta\b|\b(fetch|setTimeout|setInterval|setImmediate|queueMicrotask)\s*\(|\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\brandom(UUID|Bytes|Int)\b/g;

function coreDoesNoIo({ path, text }: Source): readonly string[] {
  if (layerOf(path) !== 'core' || isTest(path)) return [];
  return uniqueMatches(code(text), worldly).map((found) => `uses ${found}: core does no I/O`);
}

const processFiles: Readonly<Record<string, string>> = {
  'src/cli/process-io.ts': 'makes of the process the Io that everything else is given',
};
const processOwn = /\bprocess\s*\.\s*(argv|env|exit|exitCode|cwd|chdir|stdin|stdout|stderr|on|once)\b/g;

/** Acting on another process (`process.kill`) is an adapter's work; the program's own belongs to its entry. */
function onlyEntriesTouchTheProcess({ path, text }: Source): readonly string[] {
  const isBound = /^(src|service\/src)\//.test(path) && !isTest(path);
  if (!isBound || path.endsWith('/main.ts') || path in processFiles) return [];
  return uniqueMatches(code(text), processOwn).map(
    (found) => `uses ${found}: only main.ts touches the process; take it as an argument`,
  );
}

const vague = ['util', 'utils', 'helper', 'helpers', 'common', 'manager', 'misc'];

function filesAreNamedAfterWhatTheyHold({ path }: Source): readonly string[] {
  const file = path.slice(path.lastIndexOf('/') + 1);
  if (file === 'index.ts') return ['is a barrel: import the file that holds what you need'];
  const words = path.split(/[/.-]/);
  const found = words.find((word) => vague.includes(word));
  return found ? [`is named ${found}: name it after what it holds`] : [];
}

function layerOf(path: string): string {
  const [top = '', below = ''] = path.split('/');
  if (path === 'causeway.config.ts') return 'config';
  return top === 'src' ? below : top;
}

function isTest(path: string): boolean {
  return /\.test\.ts$/.test(path) || /\/fake-[a-z-]+\.ts$/.test(path);
}

/** A file that is read, such as package.json, and no module. */
function isData(target: string): boolean {
  return /\.(json|txt|md)$/.test(target);
}

/** Value imports as Bun sees them, and those of types, which it drops. */
function importsOf(text: string, path: string): readonly string[] {
  const loader = path.endsWith('.tsx') ? 'tsx' : 'ts';
  const values = new Bun.Transpiler({ loader }).scanImports(text).map((found) => found.path);
  const written = /(?:\bfrom|\bimport)\s*\(?\s*(['"])([^'"\n]+)\1/g;
  const types = [...withoutComments(text).matchAll(written)].map(([, , name = '']) => name);
  return [...new Set([...values, ...types])];
}

/** Comments and quoted texts are no code. */
function code(text: string): string {
  return text.replaceAll(commentOrText, (found) => (found.startsWith('`') ? found : ' '));
}

function withoutComments(text: string): string {
  return text.replaceAll(commentOrText, (found) => (/^\/[/*]/.test(found) ? ' ' : found));
}

const commentOrText =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;

function uniqueMatches(text: string, pattern: RegExp): readonly string[] {
  return [...new Set([...text.matchAll(pattern)].map(([found]) => found.replace(/\s*[.[(]$/, '')))];
}
