import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { run } from '../../images/run-program.ts';
import { findPython } from '../python.ts';

/** `E3030 Resources.ControlPlaneLogs.Properties.RetentionInDays` for each thing it finds, by the template's name. */
export type Lint = (
  templates: Readonly<Record<string, string>>,
) => Promise<Readonly<Record<string, readonly string[]>>>;

/** The shipped environment's, and two that are chosen often: what a type has differs between them. */
const regions = ['us-east-1', 'us-east-2', 'eu-central-1'];

/** cfn-lint, what it merely advises included. It asks the network for nothing. */
export async function findCfnLint(): Promise<Lint> {
  const python = await findPython(join(import.meta.dir, 'requirements.txt'));
  // Its first line names the folder that it was installed in, which has moved since.
  const program = join(dirname(python), 'cfn-lint');
  return async (templates) => {
    const folder = mkdtempSync(join(realpathSync('/tmp'), 'cw-lint-'));
    try {
      const files = Object.entries(templates).map(
        ([name, text]) => [join(folder, `${name}.json`), text] as const,
      );
      await Promise.all(files.map(([file, text]) => Bun.write(file, text)));
      const flags = ['--format', 'json', '--include-checks', 'I', '--regions', ...regions];
      const { exitCode, stdout, stderr } = await run([
        python,
        program,
        ...flags,
        '--',
        ...files.map(([file]) => file),
      ]);
      // A sum of bits: 2, 4 and 8 for errors, warnings and advice; 1 and what is above are its own failures.
      if ((exitCode & ~14) !== 0) throw new Error(`cfn-lint ended with ${exitCode}: ${stderr}${stdout}`);
      const found = JSON.parse(stdout) as readonly Match[];
      return Object.fromEntries(Object.keys(templates).map((name) => [name, findingsIn(found, name)]));
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

interface Match {
  readonly Filename: string;
  readonly Rule: { readonly Id: string };
  readonly Location: { readonly Path: readonly (string | number)[] | null };
}

function findingsIn(found: readonly Match[], name: string): readonly string[] {
  const own = found.filter(({ Filename }) => basename(Filename) === `${name}.json`);
  return own.map(({ Rule, Location }) => [Rule.Id, (Location.Path ?? []).join('.')].join(' ').trim());
}
