import { UserError } from '../../../core/errors.ts';
import type { Finding } from '../../../core/target.ts';
import { atEnvironment } from '../../at-environment.ts';
import { type Chosen, chooseEnvironment } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import { columnsOf } from '../../io.ts';
import type { DoctorResult } from '../../json.ts';
import { refuseMissingSecrets, secretSources } from '../../rollout/read-secrets.ts';
import { readRevision } from '../../rollout/revision.ts';
import { callAs } from '../../terminal/call-as.ts';
import { findDocs } from '../../terminal/find-docs.ts';
import { nameImage } from '../../terminal/name-image.ts';
import { printable } from '../../terminal/printable.ts';
import { wrap } from '../../terminal/style.ts';
import { checkImages } from './check-images.ts';

/** Every prerequisite, general ones first, then what the target needs. */
export async function examine(cli: Cli, name: string): Promise<Result> {
  const { io } = cli;
  const [config, chosen] = await checkConfig(cli, name);
  const own = chosen ? await chosen.environment.doctor(io.signal) : [];
  const checks = [
    checkRuntime(cli),
    await checkGit(cli, chosen?.folder ?? io.cwd),
    config,
    ...(await checkSecrets(cli, chosen)),
    ...(chosen ? await checkImages(chosen, io) : []),
    ...own,
  ].map((check) => ({ ...check, hint: nameImage(cli.signed, check.hint) }));
  const failed = checks.filter(({ isProblem }) => isProblem).length;
  const made = checks.filter(({ isUnknown }) => !isUnknown).length;
  const json: DoctorResult = { environment: name, checks: [...checks] };
  const lines = showChecks(checks, cli);
  if (failed === 0) return { json, lines, next: [`causeway up${atEnvironment(name)}`] };
  const error = new UserError({
    code: 'doctor_found',
    message: `${failed} of ${made} checks failed`,
    hint: `mend each ✗ above, then causeway doctor${atEnvironment(name)}`,
  });
  return { json, lines, error };
}

function showChecks(
  checks: readonly Finding[],
  { out: { good, bad, dim }, command, io }: Pick<Cli, 'out' | 'command' | 'io'>,
): readonly string[] {
  const columns = columnsOf(io.stdout);
  return checks.flatMap(({ isProblem, isUnknown, message, hint }) => {
    const mark = isUnknown ? dim('·') : isProblem ? bad('✗') : hint === '' ? good('✓') : '!';
    const text = `${isUnknown ? 'not checked: ' : ''}${callAs(command, shown(message))}`;
    const [first, ...rest] = text.split('\n').flatMap((line) => wrap(line, columns - 2));
    const lines = [`${mark} ${first}`, ...rest.map((line) => `  ${line}`)];
    // A command stays whole, so that it can be copied.
    return hint === ''
      ? lines
      : [...lines, `    ${dim('hint:')} ${callAs(command, findDocs(io, shown(hint)))}`];
  });
}

/** A config may have several problems, a line each. */
function shown(text: string): string {
  return printable(text, { keepsLines: true });
}

function checkRuntime({ io }: Cli): Finding {
  return fine(`runtime: Bun ${Bun.version} at ${io.runtime}`);
}

async function checkGit({ io }: Cli, folder: string): Promise<Finding> {
  const { shown } = await readRevision(folder, io);
  return fine(shown === 'no git' ? 'git: none here; records say so instead of a revision' : `git: ${shown}`);
}

async function checkConfig(cli: Cli, name: string): Promise<readonly [Finding, Chosen | undefined]> {
  try {
    const chosen = await chooseEnvironment(cli, name);
    const names = Object.keys(chosen.config.environments).join(', ');
    return [fine(`config: project ${chosen.config.project}, environments ${names}`), chosen];
  } catch (thrown) {
    return [toFinding('config', thrown), undefined];
  }
}

async function checkSecrets({ io }: Cli, chosen: Chosen | undefined): Promise<readonly Finding[]> {
  if (!chosen) return [];
  const sources = secretSources(chosen.config, chosen.environmentConfig);
  if (Object.keys(sources).length === 0) return [];
  try {
    const { there, later } = await refuseMissingSecrets(sources, chosen.folder, io);
    return [
      ...(there.length > 0 ? [fine(`secrets: ${there.join(', ')} can be read`)] : []),
      ...(later.length > 0
        ? [
            {
              ...fine(`secrets: ${later.join(', ')}, which a rollout alone reads`),
              isUnknown: true,
            },
          ]
        : []),
    ];
  } catch (thrown) {
    return [toFinding('secrets', thrown)];
  }
}

function fine(message: string): Finding {
  return { isProblem: false, message, hint: '' };
}

function toFinding(what: string, thrown: unknown): Finding {
  if (!(thrown instanceof UserError)) throw thrown;
  return { isProblem: true, message: `${what}: ${thrown.message}`, hint: thrown.hint };
}
