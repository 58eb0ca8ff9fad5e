import { dirname, join } from 'node:path';
import { findPython } from '../aws/python.ts';
import { findGoProgram, findPrograms } from '../images/programs.ts';
import { run } from '../images/run-program.ts';

/** What it finds in a workflow; empty where it finds nothing. */
export type Checker = (file: string) => Promise<string>;

/** actionlint, and through it shellcheck for what is in `run`. */
export async function findActionlint(): Promise<Checker> {
  const [actionlint, shell] = await Promise.all([
    findGoProgram({
      package: 'github.com/rhysd/actionlint/cmd/actionlint',
      version: 'v1.7.12',
      runs: '-version',
    }),
    findPrograms(['shellcheck'], ['shellcheck']),
  ]);
  return async (file) => {
    const argv = [actionlint, '-no-color', '-oneline', `-shellcheck=${shell.path('shellcheck')}`, file];
    const { exitCode, stdout, stderr } = await run(argv, { env: shell.env });
    if (exitCode > 1) throw new Error(`actionlint ended with ${exitCode}: ${stderr}`);
    return stdout;
  };
}

/** shellcheck, for the scripts of the repository. */
export async function findShellcheck(): Promise<Checker> {
  const { path, env } = await findPrograms(['shellcheck'], ['shellcheck']);
  return async (file) => {
    const argv = [path('shellcheck'), '--external-sources', '--source-path=SCRIPTDIR', '--format=gcc', file];
    const { exitCode, stdout, stderr } = await run(argv, { env });
    if (exitCode > 1) throw new Error(`shellcheck ended with ${exitCode}: ${stderr}`);
    return stdout;
  };
}

/** zizmor at its strictest, without asking GitHub: the names of its audits that found something. */
export async function findZizmor(): Promise<Checker> {
  const python = await findPython(join(import.meta.dir, 'requirements.txt'));
  const zizmor = join(dirname(python), 'zizmor');
  const flags = ['--offline', '--pedantic', '--quiet', '--no-progress', '--collect=all', '--no-exit-codes'];
  const config = join(import.meta.dir, '../../.github/zizmor.yml');
  return async (file) => {
    const argv = [zizmor, ...flags, '--strict-collection', `--config=${config}`, '--format=json', file];
    const { exitCode, stdout, stderr } = await run(argv);
    if (exitCode !== 0) throw new Error(`zizmor ended with ${exitCode}: ${stderr}`);
    const found = JSON.parse(stdout) as readonly { readonly ident: string }[];
    return found.map(({ ident }) => ident).join(' ');
  };
}
