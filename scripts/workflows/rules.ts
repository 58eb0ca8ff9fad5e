/** What of a GitHub workflow these rules read. */
interface Workflow {
  readonly on: string | readonly string[] | Readonly<Record<string, unknown>>;
  readonly permissions?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

interface Job {
  readonly uses?: string;
  readonly environment?: unknown;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly 'timeout-minutes'?: number;
}

/** What our workflows promise beside what actionlint and zizmor see, each breach in a line. */
export function findFaults(text: string): readonly string[] {
  const workflow = Bun.YAML.parse(text) as Workflow;
  return [
    ...rightsBeginAtNone(workflow),
    ...jobsEnd(workflow),
    ...actionsArePinned(text),
    ...strangersGetNothing(workflow, text),
  ];
}

function rightsBeginAtNone({ permissions }: Workflow): readonly string[] {
  const isNone =
    typeof permissions === 'object' && permissions !== null && Object.keys(permissions).length === 0;
  return isNone ? [] : ['the workflow does not begin with permissions: {}'];
}

/** One that calls another workflow has that one's limits. */
function jobsEnd({ jobs }: Workflow): readonly string[] {
  return Object.entries(jobs)
    .filter(([, job]) => job.uses === undefined && job['timeout-minutes'] === undefined)
    .map(([name]) => `job ${name} has no timeout-minutes`);
}

/** A tag can be moved; a commit tells a reader nothing without its version. */
function actionsArePinned(text: string): readonly string[] {
  return [...text.matchAll(/\buses: (.+)/g)]
    .map(([, used = '']) => used)
    .filter((used) => !/^\.\/|^[\w-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(used))
    .map((used) => `${used} is not pinned by commit with its version beside it`);
}

/** Code of a pull request is anybody's: it reads the repository, and that is all. */
function strangersGetNothing({ on, jobs }: Workflow, text: string): readonly string[] {
  const triggers = typeof on === 'string' ? [on] : Array.isArray(on) ? on : Object.keys(on);
  const refused = triggers.filter((trigger) => ['pull_request_target', 'workflow_run'].includes(trigger));
  const faults = refused.map((trigger) => `${trigger} runs with credentials what strangers wrote`);
  if (!triggers.includes('pull_request')) return faults;
  for (const [name, { permissions = {}, environment }] of Object.entries(jobs)) {
    for (const [right, level] of Object.entries(permissions)) {
      if (right !== 'contents' || level !== 'read') faults.push(`job ${name} has ${right}: ${level}`);
    }
    if (environment !== undefined) faults.push(`job ${name} has an environment`);
  }
  if (/\bsecrets\b|\bgithub\.token\b/.test(text)) faults.push('it names a secret');
  return faults;
}
