import { createHash, createHmac } from 'node:crypto';
import type { Keys } from '../signed.ts';
import { region } from '../users.ts';

export interface TokenOptions {
  /** The cluster that it is for. */
  readonly cluster: string;
  readonly at?: Date;
}

/**
 * A token of EKS: the address of a call to STS, signed, that tells who signed it. It is made here once more, and not by
 * the product's own code, so that both are held to what the emulator takes.
 * https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html
 */
export function tokenOf(
  { accessKeyId, secretAccessKey }: Keys,
  { cluster, at = new Date() }: TokenOptions,
): string {
  const host = `sts.${region}.amazonaws.com`;
  const stamp = at.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = [stamp.slice(0, 8), region, 'sts', 'aws4_request'];
  const query = new URLSearchParams({
    Action: 'GetCallerIdentity',
    Version: '2011-06-15',
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': [accessKeyId, ...scope].join('/'),
    'X-Amz-Date': stamp,
    'X-Amz-Expires': '60',
    'X-Amz-SignedHeaders': 'host;x-k8s-aws-id',
  });
  const headers = [`host:${host}`, `x-k8s-aws-id:${cluster}`, '', 'host;x-k8s-aws-id'];
  const request = ['GET', '/', query.toString(), ...headers, hash('')].join('\n');
  const text = ['AWS4-HMAC-SHA256', stamp, scope.join('/'), hash(request)].join('\n');
  const key = scope.reduce<string | Buffer>(mac, `AWS4${secretAccessKey}`);
  query.set('X-Amz-Signature', mac(key, text).toString('hex'));
  return `k8s-aws-v1.${Buffer.from(`https://${host}/?${query}`).toString('base64url')}`;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function mac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
