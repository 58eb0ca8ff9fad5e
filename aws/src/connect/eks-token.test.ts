import { expect, test } from 'bun:test';
import { eksToken } from './eks-token.ts';

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'a+b/c==' };
const options = {
  cluster: 'shop-production',
  region: 'eu-central-1',
  credentials,
  now: new Date('2026-11-24T08:00:00Z'),
};

function questionIn(token: string): URL {
  expect(token).toStartWith('k8s-aws-v1.');
  return new URL(Buffer.from(token.slice('k8s-aws-v1.'.length), 'base64url').toString());
}

test('a token is a signed question who the caller is, for one cluster and a minute', async () => {
  const { origin, searchParams } = questionIn(await eksToken(options));

  expect(origin).toBe('https://sts.eu-central-1.amazonaws.com');
  expect(Object.fromEntries(searchParams)).toMatchObject({
    Action: 'GetCallerIdentity',
    'X-Amz-Expires': '60',
    'X-Amz-SignedHeaders': 'host;x-k8s-aws-id',
    'X-Amz-Security-Token': 'a+b/c==',
    // By another implementation of the same signature.
    'X-Amz-Signature': '94c23a984444a98a761c8921586281d7cc7cf7ff53eb0e0a68e6fabd118f3a98',
  });
});

test('a token for another cluster is another one, and the secret is in none', async () => {
  const [one, other] = await Promise.all([
    eksToken(options),
    eksToken({ ...options, cluster: 'shop-staging' }),
  ]);

  expect(one).not.toBe(other);
  expect(questionIn(one).href).not.toContain(credentials.secretAccessKey);
});

test('credentials that do not end have no security token', async () => {
  const { accessKeyId, secretAccessKey } = credentials;

  const { searchParams } = questionIn(
    await eksToken({ ...options, credentials: { accessKeyId, secretAccessKey } }),
  );

  expect(searchParams.has('X-Amz-Security-Token')).toBe(false);
});
