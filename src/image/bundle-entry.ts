import { existsSync, statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { UserError } from '../core/errors.ts';
import { compilerError } from './compiler-error.ts';
import type { LayerFile } from './layer.ts';

export interface Bundle {
  readonly files: readonly LayerFile[];
  /** The absolute paths of the sources that are in it. */
  readonly inputs: readonly string[];
}

/**
 * Bundles a TypeScript or JavaScript entry with all that it imports to `main.js`, with a source map beside it,
 * so that a stack names the sources. What it imports as a file (`with { type: 'file' }`) lies beside it too.
 */
export async function bundleEntry(entry: string, folder: string): Promise<Bundle> {
  const built = await Bun.build({
    entrypoints: [findEntry(entry, folder)],
    root: folder,
    target: 'bun',
    naming: { entry: 'main.js', asset: '[name]-[hash].[ext]' },
    sourcemap: 'external',
    metafile: true,
    env: 'disable',
    define,
    jsx: { development: false },
    throw: false,
  });
  if (!built.success) throw compilerError(built.logs, entry, folder);
  const inputs = Object.keys(built.metafile?.inputs ?? {});
  return {
    files: await Promise.all(built.outputs.map((output) => toLayerFile(output, { inputs, entry, folder }))),
    inputs: inputs.map((input) => resolve(input)),
  };
}

const folderName = '$causewayFolder';
const fileName = '$causewayFile';

/** What the bundler would fill in from the machine that it runs on is left to the one that the service runs on. */
const define = {
  __dirname: folderName,
  __filename: fileName,
  'process.env.NODE_ENV': 'process.env.NODE_ENV',
} as const;

/** Always one line, so that the lines of the source map stay right. */
const names = `var ${folderName} = import.meta.dir, ${fileName} = import.meta.path;`;

function findEntry(entry: string, folder: string): string {
  const path = resolve(folder, entry);
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
  throw new UserError({
    code: 'build_failed',
    message: `the service's entry is not a file: ${entry}`,
    hint: 'service.entry in the config is a path from the folder of the config',
  });
}

interface Origin {
  /** The sources, from the folder that the bundler ran in. */
  readonly inputs: readonly string[];
  readonly entry: string;
  readonly folder: string;
}

async function toLayerFile(output: Bun.BuildArtifact, origin: Origin): Promise<LayerFile> {
  const path = output.path.replace(/^\.\//, '');
  if (output.kind === 'entry-point') {
    const code = cleanCode(await output.text(), origin);
    refuseAbsolutePaths(code, origin);
    return textFile(path, code);
  }
  if (output.kind === 'sourcemap') return textFile(path, cleanMap(await output.text(), origin));
  return { path, content: new Uint8Array(await output.arrayBuffer()), isExecutable: false };
}

function textFile(path: string, text: string): LayerFile {
  return { path, content: new TextEncoder().encode(text), isExecutable: false };
}

/**
 * The bundler names each source in a comment, from the folder that it runs in; here from the config's. The
 * line `// @bun` is its mark; the last ones tell of the map.
 */
function cleanCode(code: string, { inputs, folder }: Origin): string {
  const comments = new Map(inputs.map((input) => [`// ${input}`, `// ${relative(folder, resolve(input))}`]));
  const lines = code.trimEnd().split('\n');
  while (lines.at(-1)?.startsWith('//# debugId=')) lines.pop();
  const first = lines.indexOf('// @bun') + 1;
  const renamed = lines.map((line) => comments.get(line) ?? line);
  const ending = ['//# sourceMappingURL=main.js.map', ''];
  return [...renamed.slice(0, first), names, ...renamed.slice(first), ...ending].join('\n');
}

interface SourceMap {
  readonly sources: readonly string[];
  readonly sourcesContent: readonly (string | null)[];
  readonly mappings: string;
  readonly names: readonly string[];
}

/** A `;` in the mappings is a line: one more, for the line that `cleanCode` puts in. */
function cleanMap(text: string, { folder }: Origin): string {
  const { sources, sourcesContent, mappings, names: symbols }: SourceMap = JSON.parse(text);
  const named = sources.map((source) => relative(folder, resolve(source)));
  return JSON.stringify({
    version: 3,
    sources: named,
    sourcesContent,
    mappings: `;${mappings}`,
    names: symbols,
  });
}

/** `require.resolve('package')` is such a case: the path would not exist where the service runs. */
function refuseAbsolutePaths(code: string, { entry, folder }: Origin): void {
  const prefix = JSON.stringify(`${folder}/`).slice(0, -1);
  for (let at = code.indexOf(prefix); at !== -1; at = code.indexOf(prefix, at + 1)) {
    const path = code.slice(at + 1, code.indexOf('"', at + 1));
    if (!existsSync(path)) continue;
    throw new UserError({
      code: 'build_failed',
      message: `${entry} needs ${relative(folder, path)} at its place on this machine, which is not where it runs`,
      hint: 'import it instead of resolving its path, or give the service as files and command',
    });
  }
}
