import type { Account } from '../account.ts';

interface Manifest {
  readonly mediaType: string;
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}

/** Copies an image, named by digest, from a registry without accounts into a repository of ECR; its reference there. */
export async function copyImage(from: string, account: Account, repositoryUri: string): Promise<string> {
  const [name = '', digest = ''] = from.split('@');
  const source = api(name);
  const target = api(repositoryUri);
  const authorization = `Basic ${await authorize(account)}`;
  const raw = await (await mustAnswer(`${source}/manifests/${digest}`)).text();
  const { mediaType, config, layers }: Manifest = JSON.parse(raw);
  for (const blob of [config, ...layers]) {
    const body = await (await mustAnswer(`${source}/blobs/${blob.digest}`)).arrayBuffer();
    const upload = `${target}/blobs/uploads/?digest=${blob.digest}`;
    await mustAnswer(upload, { method: 'POST', headers: { authorization }, body });
  }
  const headers = { authorization, 'content-type': mediaType };
  await mustAnswer(`${target}/manifests/${digest}`, { method: 'PUT', headers, body: raw });
  return `${repositoryUri}@${digest}`;
}

/** `127.0.0.1:5250/shop` */
function api(repository: string): string {
  const [host, ...name] = repository.split('/');
  return `http://${host}/v2/${name.join('/')}`;
}

async function authorize(account: Account): Promise<string> {
  const { authorizationData } = await account.json<{
    readonly authorizationData: readonly { readonly authorizationToken: string }[];
  }>('AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken');
  return authorizationData[0]?.authorizationToken ?? '';
}

async function mustAnswer(url: string, init: RequestInit = {}): Promise<Response> {
  const answer = await fetch(url, {
    ...init,
    headers: { accept: 'application/vnd.oci.image.manifest.v1+json', ...init.headers },
  });
  if (!answer.ok) throw new Error(`${init.method ?? 'GET'} ${url}: ${answer.status} ${await answer.text()}`);
  return answer;
}
