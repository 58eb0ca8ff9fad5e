import { UserError } from './errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Where Causeway keeps what belongs to this user and is neither a project's nor a cluster's. */
export function stateFolder(env: Env): string {
  const home = absolute(env.XDG_STATE_HOME) ?? `${homeOf(env)}/.local/state`;
  return `${home.replace(/\/+$/, '')}/causeway`;
}

/** The XDG specification has relative paths ignored; the supervisor, which runs in `/`, would find another folder. */
export function absolute(path: string | undefined): string | undefined {
  return path?.startsWith('/') ? path : undefined;
}

/** A place that anybody may prepare is none to start programs from. */
function homeOf({ HOME }: Env): string {
  const home = absolute(HOME);
  if (home) return home;
  throw new UserError({
    code: 'state_not_writable',
    message: 'neither HOME nor XDG_STATE_HOME is set, so there is no place to keep state',
    hint: 'export XDG_STATE_HOME=<folder>',
  });
}
