import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';

export interface EksTokenOptions {
  /** The cluster's name; a token is good for this one alone. */
  readonly cluster: string;
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  readonly now: Date;
}

/** How long the signature of a token can be used for; EKS takes one for up to 15 minutes after it was signed. */
const signedSeconds = 60;

/**
 * What EKS lets a caller in by: a signed question who he is, that the cluster puts to AWS in his place. It is
 * made without a request, and no longer good a quarter of an hour later.
 * https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster
 */
export async function eksToken({ cluster, region, credentials, now }: EksTokenOptions): Promise<string> {
  // The public name, also where another endpoint is set for this machine: the cluster looks at it.
  const hostname = `sts.${region}.amazonaws.com`;
  const signer = new SignatureV4({ service: 'sts', region, credentials, sha256: Sha256 });
  const { query = {} } = await signer.presign(
    {
      method: 'GET',
      protocol: 'https:',
      hostname,
      path: '/',
      query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
      headers: { host: hostname, 'x-k8s-aws-id': cluster },
    },
    {
      expiresIn: signedSeconds,
      signingDate: now,
      unhoistableHeaders: new Set(['x-k8s-aws-id']),
      unsignableHeaders: new Set(['x-amz-content-sha256']),
    },
  );
  const url = `https://${hostname}/?${new URLSearchParams(query as Record<string, string>)}`;
  return `k8s-aws-v1.${Buffer.from(url).toString('base64url')}`;
}
