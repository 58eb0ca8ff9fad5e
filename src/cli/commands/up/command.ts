import type { Run } from '../../cli.ts';
import { environmentCommand } from '../../grammar/environment-command.ts';
import { withGuide } from '../../grammar/guide.ts';
import { mailAddress, span } from '../../grammar/parse-flag.ts';

export function upCommand(run: Run) {
  const command = environmentCommand('up', 'makes what is missing, then rolls out the working tree')
    .option('--again', 'roll out once more what serves already, tests included')
    .option(
      '--image <image>',
      'an image instead of the working tree: ref@sha256:…, or an OCI layout’s folder',
    )
    .option('--yes', 'make it in a cloud without asking')
    .option('--ttl <span>', 'in a cloud: how long from now it lives, such as 4h')
    .option('--budget-email <address>', 'in a cloud: whom the alarm of its budget tells')
    .option('--over-budget', 'in a cloud: make it although it costs more than its budget')
    .action((name, { again, image, yes, ttl, budgetEmail, overBudget }) =>
      run(async (cli) => {
        const { rollOutRelease } = await import('../../rollout/roll-out-release.ts');
        const ttlMs = ttl === undefined ? undefined : span('--ttl', ttl);
        const cloud = {
          isSure: yes === true,
          mayExceed: overBudget === true,
          ...(ttlMs === undefined ? {} : { ttlMs }),
          ...(budgetEmail === undefined ? {} : { budgetEmail: mailAddress('--budget-email', budgetEmail) }),
        };
        return rollOutRelease(cli, { name, image, makes: true, isAgain: again === true, cloud });
      }),
    );
  return withGuide(command, {
    examples: [
      { command: 'causeway up', shows: 'on this machine' },
      { command: 'causeway up --again', shows: 'the same release once more, as if it were new' },
      {
        command: 'causeway up production --ttl 4h',
        shows: 'in your cloud account, gone by itself in four hours',
      },
    ],
    about: [
      'Builds the service, runs its tests, and rolls it out: one replica beside those that serve, then all of them, watched each time. A release that is bad is taken back by itself. Safe to repeat: where nothing changed, nothing is done.',
      'In an environment whose replicas are containers, the image is built first, tests included, and the engine of this machine runs it. With --image nothing is built or tested.',
      'In a cluster it makes the namespace and what belongs to it, where that is missing, and pushes the image to image.repository while the tests run; what is there is not sent again. The command drives the rollout: after Ctrl-C both releases serve, and the same command goes on.',
      'In an account of a cloud it shows what would be made, what that costs and how long it lives, and asks once, when the image is built and its tests have passed; then cluster, registry and load balancer are made, which takes about a quarter of an hour, the image is pushed meanwhile, and the release is rolled out. Ctrl-C leaves it to go on by itself; the same command goes on from there. --ttl counts its life anew.',
      'Where a down on this machine has kept the history of that environment, up says so and takes it in; its releases went with down, so that rollback returns to none of them.',
    ],
    exits: ['done', 'failed', 'wrongUsage', 'takenBack', 'cancelled', 'unknown', 'interrupted'],
  });
}
