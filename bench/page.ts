export interface Row {
  readonly what: string;
  readonly reach: string;
  readonly measured: string;
}

export interface PageOptions {
  readonly title: string;
  /** What was measured how, in full sentences. */
  readonly about: string;
  readonly repository: string;
  readonly cores: number;
  readonly rows: readonly Row[];
}

/** A page of docs/proof. */
export function makePage({ title, about, repository, cores, rows }: PageOptions): string {
  const commit = Bun.spawnSync(['git', 'rev-parse', '--short', 'HEAD'], { cwd: repository })
    .stdout.toString()
    .trim();
  const lines = rows.map(({ what, reach, measured }) => `| ${what} | ${reach} | ${measured} |`);
  return `# ${title}

Made by \`bench/run --write\` at ${commit}, on ${process.platform} ${process.arch} with ${cores} cores. ${about}

| what | to reach | measured |
| --- | --- | --- |
${lines.join('\n')}
`;
}
