import { App, CloudFormationValidatePlugin, Validations } from 'aws-cdk-lib';
import { ownRules } from '../rules/own-rules.ts';
import { type EnvironmentProps, EnvironmentStack } from './environment-stack.ts';
import { type GuardProps, GuardStack } from './guard-stack.ts';

export interface AppOptions {
  readonly environment: EnvironmentProps;
  readonly guard: GuardProps;
  /** Where the templates are written to. */
  readonly outdir: string;
}

/**
 * Both stacks of an environment, the guard first. Synthesizing throws where a template breaks a rule of ours or cannot be
 * what its types are.
 */
export function makeApp({ environment, guard, outdir }: AppOptions): App {
  const app = openApp(outdir);
  new GuardStack(app, guard);
  new EnvironmentStack(app, environment);
  return app;
}

/** An app without stacks, that reports nothing to AWS. */
export function openApp(outdir: string, context: Readonly<Record<string, unknown>> = {}): App {
  const app = new App({
    outdir,
    context: { '@aws-cdk/core:validateAgainstDefaultRules': true, ...context },
    analyticsReporting: false,
    treeMetadata: false,
  });
  Validations.of(app).addPlugins(new CloudFormationValidatePlugin({ guardRules: [...ownRules] }));
  return app;
}
