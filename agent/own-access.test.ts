import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownAccess } from './own-access.ts';

test('the cluster is the one that the kubelet tells of, and the token is read anew for each request', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-agent-'));
  try {
    writeFileSync(join(folder, 'ca.crt'), 'the certificate');
    writeFileSync(join(folder, 'token'), 'first\n');
    const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '6443' };

    const access = await ownAccess({ env, folder });

    expect(access).toMatchObject({ server: 'https://10.96.0.1:6443', tls: { ca: 'the certificate' } });
    expect(await access.headers()).toEqual({ authorization: 'Bearer first' });
    writeFileSync(join(folder, 'token'), 'second');
    expect(await access.headers()).toEqual({ authorization: 'Bearer second' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
