import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import type { Project } from './project.ts';
import { serving } from './serving-project.ts';

setDefaultTimeout(120_000);

const secret = 'crocus-and-saffron';
const key = ['-----BEGIN "KEY"-----', 'MIIEvQIBADANBgkqhki', '-----END KEY-----'];

if (await have('a cluster', findCluster)) describe('a secret that is printed', testTold);

function testTold(): void {
  let cluster: Cluster;
  let project: Project;

  beforeAll(async () => {
    cluster = await openCluster();
    project = await serving(cluster, {
      service: { secrets: { TOKEN: { file: 'token' }, KEY: { file: 'key' } } },
      files: { token: secret, key: `${key.join('\n')}\n` },
    });
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('by a crashing replica is left out of what is kept and told of it', async () => {
    project.write('service.ts', `throw new Error('cannot log in as ' + process.env.TOKEN);\n`);

    const deploy = await project.causeway('deploy', '--verbose');

    expect(deploy.exitCode, deploy.stderr).toBe(3);
    await expectRedacted(deploy.stdout + deploy.stderr);
  });

  test('by a release command that fails as well', async () => {
    project.use('good.ts', { mark: 'after a migration' });
    const script = `throw new Error('cannot log in as ' + process.env.TOKEN)`;
    project.configure({ service: { release: ['bun', '-e', script] } });

    const deploy = await project.causeway('deploy', '--verbose');

    expect(deploy.exitCode, deploy.stderr).toBe(3);
    await expectRedacted(deploy.stdout + deploy.stderr);
  });

  test('in whatever form it is printed, and line by line where it has several', async () => {
    project.configure({ service: { release: undefined } });
    project.write(
      'service.ts',
      `const { TOKEN = '', KEY = '' } = process.env;
      console.error(KEY);
      console.error(JSON.stringify({ key: KEY }));
      console.error('Basic ' + btoa('shop:' + TOKEN));
      console.error('/login?token=' + encodeURIComponent(KEY));
      console.error('cannot log in as ' + TOKEN);
      process.exit(1);
      `,
    );

    const deploy = await project.causeway('deploy', '--verbose');

    expect(deploy.exitCode, deploy.stderr).toBe(3);
    expect(deploy.stderr).toContain('│ {"key":"[redacted]"}');
    expect(deploy.stderr).toContain('│ /login?token=[redacted]');
    await expectRedacted(deploy.stdout + deploy.stderr);
  });

  async function expectRedacted(told: string): Promise<void> {
    const { stdout: releases } = await project.causeway('releases', '--json');
    const kept = await project.kubectl('get', 'configmaps,leases,jobs,events,deployments', '--output=yaml');
    for (const text of [told, releases]) expect(text).toContain('cannot log in as [redacted]');
    const forms = [secret, btoa(secret), btoa(`shop:${secret}`), ...key, encodeURIComponent(key.join('\n'))];
    for (const text of [told, releases, kept]) {
      for (const form of forms) expect(text).not.toContain(form);
    }
  }
}
