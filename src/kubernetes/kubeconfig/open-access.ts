import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { didYouMean } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import { wordsOf } from '../../core/words-of.ts';
import { installPackage } from '../../packages/install-package.ts';
import type { ClusterAccess } from '../api/access.ts';
import { findProxy } from './find-proxy.ts';
import type { HttpsOptions, KubeConfig, KubeConfigClass } from './kube-config.ts';
import { readKubeconfigs } from './read-kubeconfigs.ts';

export interface OpenAccessOptions {
  /** The one that the config or `--context` names; never the one that a shell happens to have. */
  readonly context: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Told of what is installed, and of programs that the kubeconfig names. */
  readonly trace: (line: string) => void;
  /** Told what takes seconds. */
  readonly say?: (line: string) => void;
  readonly signal: AbortSignal;
}

/** A program for credentials that takes longer than this is named: it may wait for somebody to log in. */
const slowMs = 2_000;

/**
 * How the cluster of a context is reached, as the user's kubeconfig says. Throws `context_missing`, `kubeconfig_wrong` and
 * `package_missing`.
 */
export async function openAccess(options: OpenAccessOptions): Promise<ClusterAccess> {
  const { context: name, env, trace, say = trace, signal } = options;
  const entry = '@kubernetes/client-node/dist/config.js';
  const path = await installPackage({ folder: import.meta.dir, entry, env, say, signal });
  const library = (await import(path)) as { readonly KubeConfig: KubeConfigClass };
  const kubeconfig = readKubeconfigs(library.KubeConfig, options);
  const context = chooseContext(kubeconfig, name);
  kubeconfig.setCurrentContext(context.name);
  const { server, proxyUrl } = clusterOf(kubeconfig, context);
  const proxy = proxyOf(context.name, findProxy({ server, proxyUrl, env }));
  const slow = setTimeout(
    () => say(`waits for the program that gives the credentials of context ${context.name}; it may ask you`),
    slowMs,
  );
  const credentials = await readCredentials(kubeconfig, context.name).finally(() => clearTimeout(slow));
  checkCertificates(credentials, context.name);
  refuseNobody(credentials, context);
  return {
    context: context.name,
    server,
    ...(proxy === undefined ? {} : { proxy }),
    tls: {
      ...pem('ca', credentials.ca),
      ...pem('cert', credentials.cert),
      ...pem('key', credentials.key),
      ...(credentials.servername === undefined ? {} : { serverName: credentials.servername }),
      ...(credentials.rejectUnauthorized === undefined
        ? {}
        : { rejectUnauthorized: credentials.rejectUnauthorized }),
    },
    // The library keeps what a plugin gave until it expires.
    headers: async () => headersOf(await readCredentials(kubeconfig, context.name)),
  };
}

function chooseContext({ contexts }: KubeConfig, name: string | undefined) {
  const names = contexts.map((context) => context.name);
  const listed = names.length === 0 ? 'your kubeconfig has none' : `your kubeconfig has ${names.join(', ')}`;
  if (name === undefined) {
    throw new UserError({
      code: 'context_missing',
      message: 'no context says which cluster is meant',
      hint: `write context: '<name>' in the config, or --context <name>; ${listed}`,
    });
  }
  const found = contexts.find((context) => context.name === name);
  if (found) return found;
  const near = didYouMean(name, names);
  throw new UserError({
    code: 'context_missing',
    message: `the kubeconfig has no context ${name}`,
    hint: near ? `did you mean ${near}?` : listed,
  });
}

function clusterOf({ clusters, users }: KubeConfig, context: ReturnType<typeof chooseContext>) {
  const wrong = (message: string, hint: string) => new UserError({ code: 'kubeconfig_wrong', message, hint });
  const cluster = clusters.find(({ name }) => name === context.cluster);
  const mend = `kubectl config view --context ${context.name} --minify shows it`;
  if (!cluster)
    throw wrong(`context ${context.name} names the cluster ${context.cluster}, which is missing`, mend);
  if (!users.some(({ name }) => name === context.user))
    throw wrong(`context ${context.name} names the user ${context.user}, which is missing`, mend);
  if (!URL.canParse(cluster.server) || !cluster.server.startsWith('https:'))
    throw wrong(`cluster ${cluster.name} has the server ${cluster.server}, which is no https URL`, mend);
  return { server: cluster.server.replace(/\/+$/, ''), proxyUrl: cluster.proxyUrl };
}

/** Requests and connections for `exec` alike go by it. */
function proxyOf(context: string, proxy: string | undefined): string | undefined {
  if (proxy === undefined) return undefined;
  const { protocol = '' } = URL.canParse(proxy) ? new URL(proxy) : {};
  if (protocol === 'http:' || protocol === 'https:') return proxy;
  const what = protocol === '' ? 'which is no URL' : `which speaks ${protocol.slice(0, -1)}`;
  throw new UserError({
    code: 'kubeconfig_wrong',
    message: `the cluster of context ${context} is behind a proxy ${what}; those of http and https are supported`,
    hint: `proxy-url of the cluster names it, else HTTPS_PROXY: kubectl config view --context ${context} --minify`,
  });
}

async function readCredentials(kubeconfig: KubeConfig, context: string): Promise<HttpsOptions> {
  const options: HttpsOptions = {};
  try {
    await kubeconfig.applyToHTTPSOptions(options);
  } catch (cause) {
    // Of a plugin that failed, what it said.
    const said = wordsOf(cause).trim();
    const [why = 'no reason given'] = said.split('\n');
    throw new UserError({
      code: 'kubeconfig_wrong',
      message: `the credentials of context ${context} could not be had: ${why}`,
      hint: 'log in again with the program that made them, then run this again',
      ...(said.includes('\n') ? { details: said.slice(0, 2_000) } : {}),
      cause,
    });
  }
  return options;
}

/** Bun says of a connection that it could not be opened, and not why. */
function checkCertificates({ ca, cert, key }: HttpsOptions, context: string): void {
  const given = { 'certificate authority': { ca }, 'client certificate or its key': { cert, key } };
  for (const [what, content] of Object.entries(given)) {
    try {
      createSecureContext(content as SecureContextOptions);
    } catch (cause) {
      throw new UserError({
        code: 'kubeconfig_wrong',
        message: `the ${what} of context ${context} is none: ${wordsOf(cause)}`,
        hint: 'take the kubeconfig anew from whoever runs the cluster',
        cause,
      });
    }
  }
}

/** The API server would take requests without credentials for those of an anonymous user. */
function refuseNobody(credentials: HttpsOptions, { name, user }: { name: string; user: string }): void {
  const { Authorization: token } = headersOf(credentials);
  const isBroken = token !== undefined && !/^[\x20-\x7e]+$/.test(token);
  if (!isBroken && (token !== undefined || credentials.cert !== undefined)) return;
  throw new UserError({
    code: 'kubeconfig_wrong',
    message: isBroken
      ? `the token of user ${user}, in context ${name}, is no single line of text`
      : `user ${user}, in context ${name}, has no credentials: no token, no certificate, no program that gives them`,
    hint: `kubectl config view --context ${name} --minify shows it; log in again with the program that made it`,
  });
}

function headersOf({ headers = {}, auth }: HttpsOptions): Readonly<Record<string, string>> {
  const { Authorization: token } = headers;
  if (auth !== undefined) return { ...headers, Authorization: `Basic ${btoa(auth)}` };
  // A token's file ends with the end of a line.
  return token === undefined ? headers : { ...headers, Authorization: token.trim() };
}

function pem<Name extends string>(
  name: Name,
  content: Uint8Array | string | undefined,
): Partial<Record<Name, string>> {
  if (content === undefined) return {};
  const text = typeof content === 'string' ? content : new TextDecoder().decode(content);
  return { [name]: text } as Partial<Record<Name, string>>;
}
