import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

export interface Row {
  readonly what: string;
  readonly reach: string;
  readonly measured: string;
}

export interface PageOptions {
  /** The page's file in docs/proof, without its ending. */
  readonly name: string;
  readonly title: string;
  /** What was measured how, in full sentences. */
  readonly about: string;
  readonly repository: string;
  readonly rows: readonly Row[];
  /** Below the table. */
  readonly more?: string;
  /** Images that lie beside the page, by their file's name. */
  readonly images?: Readonly<Record<string, string>>;
}

/** Prints a page of what was measured; with `--write` it goes to docs/proof, too. */
export function showPage(options: PageOptions): void {
  const page = makePage(options);
  console.log(page);
  if (!process.argv.includes('--write')) return;
  const folder = join(options.repository, 'docs/proof');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${options.name}.md`), page);
  for (const [name, image] of Object.entries(options.images ?? {})) writeFileSync(join(folder, name), image);
}

function makePage({ title, about, repository, rows, more }: PageOptions): string {
  const commit = Bun.spawnSync(['git', 'rev-parse', '--short', 'HEAD'], { cwd: repository })
    .stdout.toString()
    .trim();
  const lines = rows.map(({ what, reach, measured }) => `| ${what} | ${reach} | ${measured} |`);
  return `# ${title}

Made by \`bench/run --write\` at ${commit}, on ${process.platform} ${process.arch} with ${cpus().length} cores. ${about}

| what | to reach | measured |
| --- | --- | --- |
${lines.join('\n')}
${more === undefined ? '' : `\n${more}\n`}`;
}
