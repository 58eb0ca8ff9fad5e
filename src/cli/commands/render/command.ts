import { UserError } from '../../../core/errors.ts';
import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';

export function renderCommand(run: Run) {
  const command = environmentCommand('render', 'the plain manifests, to read or to leave with')
    .option(
      '--image <image>',
      'of an image instead of the working tree: ref@sha256:…, or an OCI layout’s folder',
    )
    .option('--stable', 'of the release that serves, instead of the working tree')
    .option('--template', 'of an environment in a cloud: its stacks’ templates, as JSON')
    .action((name, { image, stable, template }) =>
      run(async (cli) => {
        if (template) {
          const { renderTemplates } = await import('./render.ts');
          return renderTemplates(cli, name);
        }
        if (stable && image !== undefined) throw oneOfTwo();
        const { renderManifests } = await import('./render.ts');
        return renderManifests(cli, name, { image, isStable: stable === true });
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway render staging', shows: 'what causeway up staging would make' },
      { command: 'causeway render production --template', shows: 'what its account would be given' },
      {
        command: 'causeway render staging --stable | kubectl apply --dry-run=server -f -',
        shows: 'what serves, checked by the cluster',
      },
    ],
    about: [
      'Prints YAML, one document an object, in the order to apply them; with --json one list. It changes nothing, and pushes nothing: of the working tree it prints the digest that an image of it would have. Values of secrets are never in it. An environment on this machine has no manifests. Where the environment is up, kubectl apply warns of a missing last-applied annotation: the objects were applied by the server; kubectl apply --server-side does not.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'unknown', 'interrupted'],
  });
}

function oneOfTwo(): UserError {
  return new UserError({
    code: 'usage_wrong',
    message: 'causeway render takes --image or --stable, and not both',
    hint: 'leave one of them out',
  });
}
