/** The repository's files, and the text of those that a rule reads, by path. */
export interface Tree {
  readonly paths: readonly string[];
  readonly textOf: (path: string) => string;
}

/** What a new command or fixture still lacks, a line each, with what to write. */
export function findGaps(tree: Tree): readonly string[] {
  return [...commandGaps(tree), ...fixtureGaps(tree)];
}

/** The words after which a command is called: `up`, `image build`. A command with commands below it is a group. */
function commandGaps({ paths, textOf }: Tree): readonly string[] {
  const home = 'src/cli/commands/';
  const folders = paths
    .filter((path) => path.startsWith(home) && path.endsWith('/command.ts'))
    .map((path) => path.slice(0, -'command.ts'.length));
  const readme = textOf('README.md');
  const program = textOf('src/cli/program.ts');
  const unlisted = folders
    .map((folder) => folder.slice(home.length))
    .filter((below) => /^[^/]+\/$/.test(below) && !program.includes(`./commands/${below}command.ts`))
    .map((below) => `src/cli/program.ts does not list the command of ${home}${below}`);
  const elsewhere = [...program.matchAll(/\{ (\w+Command) \} from '(.*)'/g)]
    .filter(([, , from = '']) => !/^\.\/commands\/[^/]+\/command\.ts$/.test(from))
    .map(
      ([, name, from]) =>
        `src/cli/program.ts has ${name} from ${from}: a command is ${home}<verb>/command.ts, its test beside it`,
    );
  const lacking = folders
    .filter((folder) => !folders.some((other) => other !== folder && other.startsWith(folder)))
    .flatMap((folder) => {
      const words = folder.slice(home.length, -1).replaceAll('/', ' ');
      return [
        ...(hasTest(folder) ? [] : [`${folder} has no test beside it`]),
        ...(new RegExp(`^\\|[^|]*\`${words}[\` ]`, 'm').test(readme)
          ? []
          : [`README.md has no row for \`${words}\` in its table of commands`]),
      ];
    });
  return [...unlisted, ...elsewhere, ...lacking];

  function hasTest(folder: string): boolean {
    return paths.some((path) => path.startsWith(folder) && path.endsWith('.test.ts'));
  }
}

function fixtureGaps({ paths, textOf }: Tree): readonly string[] {
  const home = 'e2e/fixtures/';
  const apart = ['README.md', 'serve.ts', 'fixtures.test.ts'];
  const fixtures = paths
    .filter((path) => path.startsWith(home))
    .map((path) => path.slice(home.length))
    .filter((name) => !apart.includes(name));
  const rows = textOf(`${home}README.md`);
  const own = textOf(`${home}fixtures.test.ts`);
  const rollouts = paths.filter((path) => /^e2e\/(?!fixtures\/).*\.test\.ts$/.test(path)).map(textOf);
  return fixtures.flatMap((name) => [
    ...(saysWhatItBreaks(textOf(home + name))
      ? []
      : [`${home}${name} does not say in its first line which promise it breaks: // Breaks "it answers": …`]),
    ...(rows.includes(`\n| \`${name}\` |`) ? [] : [`${home}README.md has no row for ${name}`]),
    ...(names(own, name) ? [] : [`${home}fixtures.test.ts does not see that ${name} does what it says`]),
    ...(rollouts.some((text) => names(text, name))
      ? []
      : [`no test of e2e rolls ${name} out: e2e/local/rollouts.test.ts has the story`]),
  ]);
}

function saysWhatItBreaks(text: string): boolean {
  return /^(\/\/ |""")(Breaks|Keeps) (".+"|no promise|every promise)/.test(text);
}

/** As a text of its code: a comment does nothing with it. */
function names(text: string, file: string): boolean {
  const code = text.replaceAll(/^\s*(\/\/|\/?\*).*$/gm, '');
  return code.split(/['"`]/).some((quoted) => quoted === file || quoted.endsWith(`/${file}`));
}
