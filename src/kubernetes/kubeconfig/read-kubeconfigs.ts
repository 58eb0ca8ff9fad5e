import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { UserError } from '../../core/errors.ts';
import { wordsOf } from '../../core/words-of.ts';
import type { KubeConfig, KubeConfigClass } from './kube-config.ts';

export interface ReadKubeconfigsOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/**
 * The files that `KUBECONFIG` lists, or `~/.kube/config`, as one: of a name that several have, the first counts, as it
 * does for kubectl. Throws `kubeconfig_wrong`.
 */
export function readKubeconfigs(KubeConfig: KubeConfigClass, options: ReadKubeconfigsOptions): KubeConfig {
  const files = listFiles(options);
  const found = files.filter((file) => existsSync(file));
  if (found.length === 0) {
    throw new UserError({
      code: 'kubeconfig_wrong',
      message: `there is no kubeconfig at ${files.join(' or ')}`,
      hint: 'write one, or point KUBECONFIG to it: your cluster’s documentation says how',
    });
  }
  const whole = new KubeConfig();
  const read = found.map((file) => readFile(KubeConfig, file));
  whole.contexts = firstByName(read.flatMap(({ contexts }) => contexts));
  whole.clusters = firstByName(read.flatMap(({ clusters }) => clusters));
  whole.users = firstByName(read.flatMap(({ users }) => users));
  return whole;
}

function listFiles({ env, home }: ReadKubeconfigsOptions): readonly string[] {
  const listed = (env.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '');
  return listed.length > 0 ? listed : [join(home, '.kube', 'config')];
}

function readFile(KubeConfig: KubeConfigClass, file: string): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromFile(file);
    config.users = config.users.map((user) => withTokenFile(user, file));
  } catch (cause) {
    const [why = ''] = wordsOf(cause).split('\n');
    throw new UserError({
      code: 'kubeconfig_wrong',
      message: `${file} is no kubeconfig that can be read: ${why}`,
      hint: `kubectl config view --kubeconfig ${file} shows what kubectl makes of it`,
      cause,
    });
  }
  return config;
}

/** The library knows such a file from within a pod alone; there it reads it anew each minute. */
function withTokenFile<User extends { readonly name: string }>(user: User, kubeconfig: string): User {
  const { users = [] } = Bun.YAML.parse(readFileSync(kubeconfig, 'utf8')) as RawKubeconfig;
  const { tokenFile, token } = users.find(({ name }) => name === user.name)?.user ?? {};
  if (tokenFile === undefined || token !== undefined) return user;
  const path = resolve(dirname(kubeconfig), tokenFile);
  return { ...user, authProvider: { name: 'tokenFile', config: { tokenFile: path } } };
}

interface RawKubeconfig {
  readonly users?: readonly {
    readonly name: string;
    readonly user?: { readonly tokenFile?: string; readonly token?: string };
  }[];
}

function firstByName<T extends { readonly name: string }>(items: readonly T[]): readonly T[] {
  return items.filter(({ name }, index) => items.findIndex((item) => item.name === name) === index);
}
