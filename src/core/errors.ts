/** How a command ends; the whole list, documented in docs/errors.md. */
export const exitCodes = {
  done: 0,
  failed: 1,
  wrongUsage: 2,
  takenBack: 3,
  cancelled: 4,
  unknown: 5,
  interrupted: 130,
} as const;

export const exitCodeMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  done: 'done',
  failed: 'failed',
  wrongUsage: 'wrong usage or config',
  takenBack: 'failed, and the stable release serves',
  cancelled: 'cancelled at a prompt',
  unknown: 'unknown: the environment did not answer',
  interrupted: 'interrupted',
};

interface ErrorKind {
  readonly exit: keyof typeof exitCodes;
  /** What happened and what it means for what serves; a paragraph of docs/errors.md. */
  readonly about: string;
}

/** Every error that a user can meet. docs/errors.md is generated from this. */
export const errorKinds = {
  usage_wrong: {
    exit: 'wrongUsage',
    about: 'A command, flag or argument is not one that Causeway knows. Nothing was started.',
  },
  config_not_found: {
    exit: 'wrongUsage',
    about:
      'No `causeway.config.ts` in this folder or in one above it, or not at the path after `--config`, or a folder stands there.',
  },
  config_wrong: {
    exit: 'wrongUsage',
    about:
      'The config does not load, or breaks the rules of [config.md](config.md). Every problem is listed with its key. Nothing was started.',
  },
  environment_unknown: { exit: 'wrongUsage', about: 'The config names no environment of that name.' },
  secret_missing: {
    exit: 'wrongUsage',
    about:
      'Secrets could not be read from the sources that the config names; all that are missing are named, and no value is ever printed.',
  },
  secret_unfit: {
    exit: 'wrongUsage',
    about:
      'A secret cannot be given to a process: it has a NUL character in it, or is longer than a variable may be, or all of them together are. No value is ever printed, and what served still serves.',
  },
  build_failed: {
    exit: 'failed',
    about: 'The service could not be bundled, or a file it is made of is missing. What served still serves.',
  },
  test_failed: {
    exit: 'failed',
    about: 'The test command failed, so nothing was rolled out. What served still serves.',
  },
  test_timeout: {
    exit: 'failed',
    about: 'The test command did not end by `deadlines.test`, and was stopped. What served still serves.',
  },
  hook_failed: {
    exit: 'failed',
    about: 'The hook before the rollout failed, so nothing was rolled out. What served still serves.',
  },
  reference_wrong: {
    exit: 'wrongUsage',
    about:
      'A text is not the name of an image, or names it by a tag where only a digest says which one is meant. Nothing was started.',
  },
  base_unusable: {
    exit: 'failed',
    about:
      'The base in `image.base` cannot be built on: it is no image, or has none for a platform of `image.platforms`.',
  },
  lock_wrong: {
    exit: 'wrongUsage',
    about:
      'The file `causeway.lock.json` does not have the shape it was written in, or could not be written. It notes the digest of the base, and belongs to the repository.',
  },
  runtime_missing: {
    exit: 'failed',
    about:
      'The runtime’s layer could not be made: its package could not be fetched, or is not the one that the lockfile names.',
  },
  image_not_found: {
    exit: 'failed',
    about: 'The registry or the OCI layout has no image of that name, or a part of it is missing there.',
  },
  image_corrupt: {
    exit: 'failed',
    about:
      'What came does not fit the digest that names it, or an OCI layout does not have the shape of one. It was not used.',
  },
  image_unverified: {
    exit: 'failed',
    about:
      'The image is not what it should be; each part that failed is named. Nothing was rolled out, and what served still serves.',
  },
  image_incomplete: {
    exit: 'failed',
    about:
      'The image was published, and then its SBOM, its provenance or its signature could not be attached; the message names what is missing, and why. Pushing again adds it.',
  },
  image_not_writable: {
    exit: 'failed',
    about:
      'A file of an image could not be written, to the cache or to where it was wanted: no permission, or no space. Nothing half-written counts as an image.',
  },
  registry_refused: {
    exit: 'failed',
    about:
      'The registry does not let you in, or does not take this; its own words are in the message. The index is written last, so no name points to a part of an image.',
  },
  registry_unreachable: {
    exit: 'failed',
    about:
      'The registry did not answer, or not well, after several tries. The index is written last, so no name points to a part of an image; the same command again sends only what is missing.',
  },
  credentials_failed: {
    exit: 'failed',
    about:
      'A credential helper, or the docker config that names it, did not give what the registry asks for.',
  },
  key_wrong: {
    exit: 'wrongUsage',
    about:
      'A key is not one that Causeway signs or verifies with: ECDSA on P-256, as PEM; or its file can be read by others; or `CAUSEWAY_SIGNING_KEY` holds one that `image.trust` does not name. No key is ever printed.',
  },
  key_missing: {
    exit: 'wrongUsage',
    about:
      'The config trusts keys, and the private half of none is here to sign with. Nothing was built or sent; `--unsigned` pushes without a signature.',
  },
  engine_missing: {
    exit: 'failed',
    about: "No Docker engine answers on this machine, and `runner: 'container'` needs one.",
  },
  engine_failed: {
    exit: 'failed',
    about: 'The Docker engine refused something, or broke off. Its own words are in the message.',
  },
  rollout_failed: {
    exit: 'takenBack',
    about:
      'The release was bad and was taken back; the cause and its evidence are printed and kept in the record. The stable release serves as before. If there was none, nothing runs; there, and where the stable release does not serve for another reason, which is told, the exit code is 1.',
  },
  rollout_unknown: {
    exit: 'unknown',
    about:
      'The environment stopped answering in the middle of a rollout. Nothing was undone: run the same command again to go on.',
  },
  rollout_running: {
    exit: 'failed',
    about: 'Another rollout of this environment is under way. One runs at a time.',
  },
  preflight_failed: {
    exit: 'failed',
    about: 'The rollout could not have ended well, so it was not begun. What served still serves.',
  },
  command_unknown: {
    exit: 'failed',
    about:
      'The release command of this release was begun and its end is not known. It may have run whole, in part or not at all, so it is not run again unasked: look at what it does, then add `--again`.',
  },
  environment_missing: {
    exit: 'failed',
    about:
      'Nothing runs in this environment yet; `deploy`, `rollback` and `run` need one that `up` has made.',
  },
  environment_stopped: {
    exit: 'failed',
    about:
      'The environment was made, but nothing runs it now: its supervisor has ended. `up` starts it again, with the release that served.',
  },
  environment_degraded: {
    exit: 'failed',
    about: 'The release serves already, so that nothing was rolled out, but its replicas do not get ready.',
  },
  environment_elsewhere: {
    exit: 'failed',
    about: 'The environment is open at another address than the config says. `up` moves it there.',
  },
  release_not_found: {
    exit: 'failed',
    about: 'This environment never ran a release of that name, or several fit.',
  },
  release_not_good: {
    exit: 'failed',
    about: 'The release ran here but was never found good, so it is nothing to go back to.',
  },
  release_gone: {
    exit: 'failed',
    about: 'The release was good here, but its stored copy was cleared: the last 20 good ones are kept.',
  },
  nothing_to_roll_back: { exit: 'failed', about: 'There is no good release before the one that serves.' },
  port_busy: {
    exit: 'failed',
    about: 'Another program listens on the port that the config gives to the local environment.',
  },
  supervisor_failed: {
    exit: 'failed',
    about: 'The local supervisor did not start, or ended while a command spoke with it. Its log says why.',
  },
  supervisor_other: {
    exit: 'failed',
    about:
      'The supervisor that runs here was started by another version of Causeway. `up` replaces it and says how long the address was away.',
  },
  state_not_writable: {
    exit: 'failed',
    about:
      'The folder in which Causeway keeps releases, records and logs cannot be written: it is read-only, belongs to somebody else, or the disk is full. What served still serves.',
  },
  state_corrupt: {
    exit: 'failed',
    about: 'A file in the state folder does not have the shape it was written in. What served still serves.',
  },
  environment_unreachable: {
    exit: 'unknown',
    about:
      'The cluster did not answer. Nothing was undone: what served still serves, and a rollout under way is gone on with by the same command.',
  },
  cluster_refused: {
    exit: 'failed',
    about:
      'The cluster answered and refused: credentials that are wrong or expired, missing rights, a quota, or an object that breaks its rules. Its own words are in the message.',
  },
  cluster_untrusted: {
    exit: 'failed',
    about:
      'What answers at the address of the cluster shows a certificate that the kubeconfig does not trust: another authority signed it, it is for another name, or its time is over. Nothing was sent.',
  },
  context_missing: {
    exit: 'wrongUsage',
    about:
      'No context of a kubeconfig is named, or the kubeconfig has none of that name. The context that a shell happens to have is never taken.',
  },
  kubeconfig_wrong: {
    exit: 'wrongUsage',
    about: 'The kubeconfig, or a file or program that it names, could not be read. Nothing was sent.',
  },
  package_missing: {
    exit: 'failed',
    about: 'What is installed on first use could not be installed by npm. Nothing was changed.',
  },
  namespace_taken: {
    exit: 'failed',
    about:
      'The namespace, or an object in it by a name that is needed, belongs to another project, environment or tool, or is being deleted. Nothing was changed.',
  },
  rights_missing: {
    exit: 'failed',
    about:
      'The cluster does not let you do what the command needs; every missing right is named, and [kubernetes-rights.md](kubernetes-rights.md) has the Role that gives them. Nothing was changed.',
  },
  lock_lost: {
    exit: 'unknown',
    about:
      'Another command took the rollout over, because this one did not answer for too long. That one goes on with it.',
  },
  repository_missing: {
    exit: 'wrongUsage',
    about:
      'A cluster pulls its images from a registry, and the config names none in `image.repository`. Nothing was built.',
  },
  drift_found: {
    exit: 'failed',
    about:
      'What is there differs from what was rolled out, though no rollout is under way; each difference is listed. `up` puts right what is in a cluster. What CloudFormation made in an account it leaves as it is: change it back by hand, or take the environment down and make it anew.',
  },
  output_lost: {
    exit: 'failed',
    about:
      'The result could not be written to stdout, for example because the disk it leads to is full. What the command did is done and stays, and its own exit code is kept where that is not 0.',
  },
  not_confirmed: {
    exit: 'cancelled',
    about: 'What was typed is not the name of the environment, so nothing was taken away.',
  },
  doctor_found: { exit: 'failed', about: 'A prerequisite is missing; the line above says how to mend it.' },
  demo_broke: {
    exit: 'failed',
    about: 'The demo saw a promise broken. That is a bug of Causeway: please report it.',
  },
  cloud_credentials: {
    exit: 'failed',
    about:
      'The cloud has no credentials of yours, or does not take them any longer. Nothing was changed with them.',
  },
  cloud_region_missing: {
    exit: 'wrongUsage',
    about: 'Neither the config nor this machine says in which region of the cloud the environment lies.',
  },
  cloud_account_other: {
    exit: 'failed',
    about:
      'The credentials are of another account than the one that the environment lies in. Nothing was asked of it.',
  },
  cloud_refused: {
    exit: 'failed',
    about:
      'The cloud refused a request: a right is missing, a quota is reached, or what it was asked for is not possible. What was made before stays, and `down` takes it away.',
  },
  cloud_failed: {
    exit: 'failed',
    about:
      'A stack could not be made, changed or deleted; the message holds the first cause. The same command goes on from what there is, and `down` takes it away.',
  },
  budget_exceeded: {
    exit: 'failed',
    about:
      'The environment would cost more than its budget. Nothing was made; a smaller one, a shorter time to live, a higher `budget` or `--over-budget` mends it.',
  },
  one_off_failed: {
    exit: 'failed',
    about:
      'The command of `run` or `exec` was not found, or ended with an error of its own, whose exit code is then the command’s. What serves was not touched.',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

/**
 * An error that the user can mend. The message is lower case, holds the value that was wrong and ends
 * without a full stop; the hint is the command or edit that mends it. Everything else thrown is a bug.
 */
export class UserError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  /** What else to show, as it is: a test's output, a compiler's message. */
  readonly details: string | undefined;
  /** The code's own exit, unless this occurrence ends otherwise. */
  readonly exit: keyof typeof exitCodes;

  constructor({ code, message, hint, details, exit, cause }: UserErrorFields) {
    super(message, { cause });
    this.name = 'UserError';
    this.code = code;
    this.hint = hint;
    this.details = details;
    this.exit = exit ?? errorKinds[code].exit;
  }

  toJSON(): UserErrorFields {
    const { code, message, hint, details, exit } = this;
    return { code, message, hint, exit, ...(details === undefined ? {} : { details }) };
  }
}

/** The environment does not answer: unknown, which is not bad. */
export class UnreachableError extends UserError {}

export interface UserErrorFields {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly details?: string;
  readonly exit?: keyof typeof exitCodes;
  readonly cause?: unknown;
}
