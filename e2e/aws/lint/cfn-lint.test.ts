import { beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { have } from '../../images/have.ts';
import { makeTemplates } from '../templates.ts';
import { findCfnLint, type Lint } from './cfn-lint.ts';

// The first run installs it from PyPI.
setDefaultTimeout(3 * 60_000);

const lint = await have('cfn-lint', findCfnLint);
if (lint) describe('cfn-lint', () => testTemplates(lint));

/** What it advises and we do not follow. */
const declined: Readonly<Record<string, string>> = {
  I1022: 'an empty Fn::Join is what CDK writes where a text has parts',
  I3011: 'what keeps data is deleted with its environment: down promises that nothing is left',
};

interface Template {
  // biome-ignore lint/suspicious/noExplicitAny: a template is JSON of a hundred shapes
  readonly Resources: Record<string, any>;
}

/** Each breaks the environment's template in a place of its own. */
const faults: readonly {
  readonly what: string;
  readonly breaks: (template: Template) => void;
  readonly found: string;
}[] = [
  {
    what: 'a retention that logs do not have',
    breaks: ({ Resources }) => (Resources.ControlPlaneLogs.Properties.RetentionInDays = 8),
    found: 'E3030 Resources.ControlPlaneLogs.Properties.RetentionInDays',
  },
  {
    what: 'a property that a cluster does not have',
    breaks: ({ Resources }) =>
      (Resources.Cluster.Properties.PrincipalArn = 'arn:aws:iam::123456789012:role/a'),
    found: 'E3002 Resources.Cluster.Properties.PrincipalArn',
  },
  {
    what: 'a reference to nothing',
    breaks: ({ Resources }) => (Resources.PublicRoutes.Properties.VpcId = { Ref: 'Nothing' }),
    found: 'E1020 Resources.PublicRoutes.Properties.VpcId.Ref',
  },
  {
    what: 'a type that is none',
    breaks: ({ Resources }) => (Resources.Repository.Type = 'AWS::ECR::Repositories'),
    found: 'E3006 Resources.Repository.Type',
  },
];

function testTemplates(lint: Lint): void {
  let found: Readonly<Record<string, readonly string[]>>;

  beforeAll(async () => {
    const domain = { name: 'shop.example.com', hostedZoneId: 'Z0123456789ABCDEFGHIJ' };
    const usual = await makeTemplates();
    const { environment: inPrivate } = await makeTemplates({ environment: { network: 'private' } });
    const { environment: withDomain } = await makeTemplates({ environment: { domain } });
    const broken: Template = JSON.parse(usual.environment);
    for (const { breaks } of faults) breaks(broken);
    // All at once: it is the start that takes long.
    found = await lint({ ...usual, inPrivate, withDomain, broken: JSON.stringify(broken) });
  });

  test.each(['environment', 'guard', 'inPrivate', 'withDomain'])(
    'finds nothing in %s but what we decline',
    (name) => {
      expect(found[name]?.filter((finding) => !(ruleOf(finding) in declined))).toEqual([]);
    },
  );

  test('what we decline it still advises', () => {
    const advised = new Set(Object.values(found).flat().map(ruleOf));

    expect(Object.keys(declined).filter((rule) => !advised.has(rule))).toEqual([]);
  });

  for (const { what, found: finding } of faults) {
    test(`refuses ${what}`, () => {
      expect(found.broken).toContain(finding);
    });
  }
}

function ruleOf(finding: string): string {
  return finding.split(' ')[0] ?? '';
}
