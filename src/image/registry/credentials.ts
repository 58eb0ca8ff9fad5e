import { UserError } from '../../core/errors.ts';
import { askHelper, type Program, runProgram, words } from './credential-program.ts';
import { type DockerConfig, readDockerConfig } from './docker-config.ts';
import { ecrRegion } from './ecr.ts';

export type Credential =
  | { readonly username: string; readonly password: string }
  /** A refresh token, exchanged for others by the registry's token server. */
  | { readonly identityToken: string };

/** What a registry is entered with; none is to enter it as anyone. The host is a reference's. */
export type Credentials = (host: string, signal: AbortSignal) => Promise<Credential | undefined>;

export interface DockerCredentialsOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly run?: Program;
}

/** The credentials that docker would use; and for ECR without an entry, what the `aws` command gives. */
export function dockerCredentials({ env, run = runProgram(env) }: DockerCredentialsOptions): Credentials {
  return async (host, signal) => {
    const config = await readDockerConfig(env);
    const helper = config.credHelpers[host] ?? config.credsStore;
    return (
      (helper
        ? await askHelper({ helper, server: serverOf(host), path: config.path, run, signal })
        : undefined) ??
      entryOf(host, config) ??
      (await fromAws(host, run, signal))
    );
  };
}

/** What `docker login` notes Docker Hub as. */
const dockerHub = 'https://index.docker.io/v1/';

function serverOf(host: string): string {
  return host === 'docker.io' ? dockerHub : host;
}

/** `docker login` writes a host; older ones wrote an address. */
function entryOf(host: string, { auths, path }: DockerConfig): Credential | undefined {
  const hosts = host === 'docker.io' ? ['docker.io', 'index.docker.io', 'registry-1.docker.io'] : [host];
  const key =
    [serverOf(host), host].find((name) => name in auths) ??
    Object.keys(auths).find((name) => hosts.includes(name.replace(/^https?:\/\//, '').replace(/\/.*$/, '')));
  const entry = key === undefined ? undefined : auths[key];
  if (entry === undefined) return undefined;
  if (entry.identitytoken) return { identityToken: entry.identitytoken };
  if (entry.auth) return fromBasic(entry.auth, host, path);
  return entry.username && entry.password
    ? { username: entry.username, password: entry.password }
    : undefined;
}

function fromBasic(auth: string, host: string, path: string): Credential {
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1) {
    throw new UserError({
      code: 'credentials_failed',
      message: `${path} has an entry for ${host} that holds no user and password`,
      hint: `docker login ${host}`,
    });
  }
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') };
}

async function fromAws(host: string, run: Program, signal: AbortSignal): Promise<Credential | undefined> {
  const region = ecrRegion(host);
  if (region === undefined) return undefined;
  const command = ['aws', 'ecr', 'get-login-password', '--region', region];
  const ended = await run(command, '', signal);
  if (ended === undefined) return undefined;
  const password = ended.stdout.trim();
  if (ended.code === 0 && password !== '') return { username: 'AWS', password };
  const said = words(ended.stderr) || `it ended with exit code ${ended.code} and gave nothing`;
  throw new UserError({
    code: 'credentials_failed',
    message: `'${command.join(' ')}' gave no password for ${host}: ${said}`,
    hint: 'see that you are logged in: aws sts get-caller-identity',
  });
}
