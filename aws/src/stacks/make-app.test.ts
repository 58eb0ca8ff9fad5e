import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App, CfnResource } from 'aws-cdk-lib';
import { environmentProps, guardProps } from './fixtures.ts';
import { makeApp } from './make-app.ts';

const options = { environment: environmentProps(), guard: guardProps() };

test('an environment is two stacks, made without a bucket, an asset or a role of CDK’s', () => {
  const made = inApp((app) =>
    app.synth().stacks.map(({ stackName, assets, assumeRoleArn, tags }) => ({
      stackName,
      assets: assets.length,
      assumeRoleArn,
      tags,
    })),
  );

  expect(made.sort((a, b) => a.stackName.localeCompare(b.stackName))).toEqual([
    { stackName: 'shop-production', assets: 0, assumeRoleArn: undefined, tags: tagsOf('shop-production') },
    {
      stackName: 'shop-production-guard',
      assets: 0,
      assumeRoleArn: undefined,
      tags: tagsOf('shop-production-guard'),
    },
  ]);
}, 60_000);

test('a template that breaks a rule of ours is not handed out', () => {
  expect(() =>
    inApp((app) => {
      const cluster = app.node.findChild('shop-production').node.findChild('Cluster') as CfnResource;
      cluster.addPropertyOverride('ResourcesVpcConfig.PublicAccessCidrs', ['0.0.0.0/0']);
      return app.synth();
    }),
  ).toThrow('the API server answers everybody');
}, 60_000);

function inApp<Result>(use: (app: App) => Result): Result {
  const outdir = mkdtempSync(join(tmpdir(), 'causeway-app-'));
  try {
    return use(makeApp({ ...options, outdir }));
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

function tagsOf(stack: string): Readonly<Record<string, string>> {
  return {
    'causeway:environment': 'production',
    'causeway:project': 'shop',
    'causeway:stack': stack,
  };
}
