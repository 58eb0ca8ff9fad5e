import { createHash, createHmac } from 'node:crypto';

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface Asked {
  readonly service: string;
  readonly region: string;
  readonly keys: Keys;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request signed as AWS asks: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html */
export function signed(url: string, asked: Asked, now = new Date()): Request {
  const { service, region, keys, method = 'POST', body = '' } = asked;
  const { host, pathname, searchParams } = new URL(url);
  const stamp = now.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = stamp.slice(0, 8);
  const scope = `${day}/${region}/${service}/aws4_request`;
  const headers: Record<string, string> = {
    ...Object.fromEntries(
      Object.entries(asked.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
    ),
    host,
    'x-amz-date': stamp,
  };
  const names = Object.keys(headers).sort();
  const query = [...searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const canonical = [
    method,
    // Twice, as all services but S3 ask: the path is encoded already.
    pathname.split('/').map(encode).join('/'),
    query,
    ...names.map((name) => `${name}:${headers[name]?.trim()}`),
    '',
    names.join(';'),
    hash(body),
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', stamp, scope, hash(canonical)].join('\n');
  const key = [region, service, 'aws4_request'].reduce(mac, mac(`AWS4${keys.secretAccessKey}`, day));
  const signature = mac(key, text).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return new Request(url, {
    method,
    headers: { ...headers, authorization },
    ...(method === 'GET' ? {} : { body }),
  });
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function mac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
