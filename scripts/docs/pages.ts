import { makeCliPage } from '../../src/cli/grammar/cli-page.ts';
import { callAs } from '../../src/cli/terminal/call-as.ts';
import { configJsonSchema } from '../../src/core/config.ts';
import { makeRightsPage } from '../../src/kubernetes/rights/rights-page.ts';
import { makeConfigPage } from './config-page.ts';
import { makeErrorsPage } from './errors-page.ts';

export interface Page {
  /** Relative to the repository. */
  readonly file: string;
  readonly make: () => string;
}

/** How a reader who has cloned the repository calls it; every page says so. */
const call = './causeway';

/** Every file that is generated from the source. */
export const pages: readonly Page[] = [
  { file: 'docs/cli.md', make: makeCliPage },
  { file: 'docs/config.md', make: makeConfigPage },
  { file: 'docs/config.schema.json', make: () => `${JSON.stringify(configJsonSchema(), null, 2)}\n` },
  { file: 'docs/errors.md', make: makeErrorsPage },
  { file: 'docs/kubernetes-rights.md', make: makeRightsPage },
].map(({ file, make }) => ({ file, make: () => callAs(call, make()) }));

/** What writes them all. */
export const mendDocs = './check --write';
