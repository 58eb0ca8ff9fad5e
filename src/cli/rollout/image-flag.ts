import type { EnvironmentConfig } from '../../core/config.ts';

/** What `up` and `deploy` need behind them where images alone are taken; for the commands that hints name. */
export function imageFlag({ signed }: Pick<EnvironmentConfig, 'signed'>, image = '<image>'): string {
  return signed ? ` --image ${image}` : '';
}
