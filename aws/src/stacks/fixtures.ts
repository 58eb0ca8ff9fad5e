import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, type IPolicyValidationPlugin, Stage, Validations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { EnvironmentProps } from './environment-stack.ts';
import type { GuardProps } from './guard-stack.ts';
import { openApp } from './make-app.ts';

export const place = { project: 'shop', environment: 'production' };
export const domain = { name: 'shop.example.com', hostedZoneId: 'Z0123456789ABCDEFGHIJ' };

/** As the config's defaults make it, called from 203.0.113.7. */
export function environmentProps(changed: Partial<EnvironmentProps> = {}): EnvironmentProps {
  return {
    ...place,
    network: 'public',
    kubernetesVersion: '1.36',
    allowApiFrom: ['203.0.113.7/32'],
    admins: ['arn:aws:iam::123456789012:user/ann'],
    service: { port: 8080, readyPath: '/readyz' },
    ...changed,
  };
}

export function guardProps(changed: Partial<GuardProps> = {}): GuardProps {
  return { ...place, budget: 100, expiresAt: new Date('2026-11-24T16:30:00Z'), ...changed };
}

export interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template is JSON of a hundred shapes
  readonly Properties: any;
  readonly DependsOn?: readonly string[];
}

export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
}

export interface Finding {
  readonly variant: string;
  readonly rule: string;
  /** The construct, below its stack. */
  readonly on: string;
}

export interface Synthesized {
  /** By variant; the last stack that was made in it. */
  readonly templates: Readonly<Record<string, Template>>;
  /** Bytes as they are sent to CloudFormation. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
}

/** Makes and checks each variant, all in one synthesis: it is the checks' start that takes long. */
export function synthesize(
  variants: Readonly<Record<string, (scope: Construct) => void>>,
  pluginsOf: (app: App) => readonly IPolicyValidationPlugin[] = () => [],
): Synthesized {
  const outdir = mkdtempSync(join(tmpdir(), 'causeway-stacks-'));
  try {
    const app = openApp(outdir, quiet);
    Validations.of(app).addPlugins(...pluginsOf(app));
    for (const [name, make] of Object.entries(variants)) make(new Stage(app, name));
    app.synth();
    const read = (file: string) => readFileSync(join(outdir, file), 'utf8');
    const texts = Object.keys(variants).map((name) => [name, read(templateOf(read, name))] as const);
    return {
      templates: Object.fromEntries(texts.map(([name, text]) => [name, JSON.parse(text)])),
      sizes: Object.fromEntries(texts.map(([name, text]) => [name, Buffer.byteLength(text)])),
      findings: findingsOf(JSON.parse(read('validation-report.json'))),
    };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/** Findings are read from the report, and neither printed nor thrown. */
const quiet = { '@aws-cdk/core:failSynthOnValidationErrors': false };

function templateOf(read: (file: string) => string, variant: string): string {
  const folder = `assembly-${variant}`;
  const { artifacts } = JSON.parse(read(`${folder}/manifest.json`));
  const files = Object.values(artifacts as Record<string, { properties?: { templateFile?: string } }>);
  const file = files.map(({ properties }) => properties?.templateFile).findLast((name) => name !== undefined);
  return `${folder}/${file}`;
}

interface Report {
  readonly pluginReports: readonly {
    readonly violations: readonly {
      readonly ruleName: string;
      readonly violatingConstructs: readonly { readonly constructPath: string }[];
    }[];
  }[];
}

function findingsOf({ pluginReports }: Report): readonly Finding[] {
  return pluginReports.flatMap(({ violations }) =>
    violations.flatMap(({ ruleName: rule, violatingConstructs }) =>
      violatingConstructs.map(({ constructPath }) => {
        const [variant = '', , ...on] = constructPath.split('/');
        return { variant, rule, on: on.join('/') };
      }),
    ),
  );
}
