import { expect, test } from 'bun:test';
import { Command } from '@commander-js/extra-typings';
import { UserError } from '../core/errors.ts';
import { usesOf } from '../kubernetes/rights/rights.ts';
import { callableOf, nameOf, treeOf } from './grammar/command-tree.ts';
import { withGuide } from './grammar/guide.ts';
import { formatHelp } from './grammar/help.ts';
import { failureSchema } from './json.ts';
import { makeProgram } from './program.ts';
import { FakeTerminal } from './terminal/fake-terminal.ts';

test('bare causeway shows the everyday commands', async () => {
  using terminal = new FakeTerminal();

  const { exit, stdout, stderr } = await terminal.call();

  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  expect(stdout).toMatchInlineSnapshot(`
    "Causeway deploys a service without losing a request.

      causeway up        makes what is missing, then rolls out the working tree
      causeway deploy    rolls out the working tree where up has made an environment
      causeway status    what runs: release, replicas, a rollout under way
      causeway rollback  returns to the last good release before this one, or to a
                         named one
      causeway down      takes it all away and shows the receipt
      causeway demo      the story in under a minute: good and bad releases under
                         traffic, every request counted

    causeway help lists every command · causeway help <command> explains one
    "
  `);
});

test('help lists every command, examples first; bun test ./src/cli/program.test.ts -u writes it', async () => {
  using terminal = new FakeTerminal();

  const { exit, stdout } = await terminal.call('--help');

  expect(exit).toBe(0);
  expect(stdout).toMatchInlineSnapshot(`
    "Causeway deploys a service without losing a request.

      $ causeway up                 bring the service up on this machine, or roll
                                    out what changed
      $ causeway status production  what runs in an environment of the config
      $ causeway rollback           return to the last good release before this one

    The first word after a command is the environment, but for image and keys; local
    when none is given. On stdout stands the result, on stderr what is said on the
    way.

    usage: causeway <command> [env] [flags]

    commands:
      up        makes what is missing, then rolls out the working tree
      deploy    rolls out the working tree where up has made an environment
      status    what runs: release, replicas, a rollout under way
      rollback  returns to the last good release before this one, or to a named one
      down      takes it all away and shows the receipt
      plan      what up would change and what it costs, changing nothing
      drift     what differs from what was rolled out
      releases  what ran, and how each rollout ended
      logs      what replicas print, as far as it is kept of those that are gone as
                well
      open      prints the URL, and on a terminal shows it in the browser
      run       runs a command in a one-off replica of the stable release
      exec      runs a command inside a replica that runs
      render    the plain manifests, to read or to leave with
      image     builds, pushes, inspects and verifies images, without Docker
      keys      makes and lists the keys that sign images
      demo      the story in under a minute: good and bad releases under traffic,
                every request counted
      doctor    checks every prerequisite and says how to mend what is missing

    flags:
      --config <file>   the config; else causeway.config.ts in this folder or one
                        above it
      --context <name>  the context of your kubeconfig; else the one that the config
                        names
      --verbose         show the requests and processes behind each step
      --json            stdout is one JSON document; errors too
      --no-color        no colour; NO_COLOR and FORCE_COLOR are honoured as well
      --version         print the version

    exit codes:
      0    done
      1    failed
      2    wrong usage or config
      3    failed, and the stable release serves
      4    cancelled at a prompt
      5    unknown: the environment did not answer
      130  interrupted
    "
  `);
});

test('the help of a command leads with examples and ends with its exit codes', async () => {
  using terminal = new FakeTerminal();

  const { exit, stdout } = await terminal.call('rollback', '--help');

  expect(exit).toBe(0);
  expect(stdout).toMatchInlineSnapshot(`
    "causeway rollback: returns to the last good release before this one, or to a
    named one

      $ causeway rollback               to the last good release before the one that
                                        serves
      $ causeway rollback --to 4be21c0  to any release that causeway releases shows
                                        as good

    Nothing is built: the release was found good here, so all its replicas start at
    once beside the stable ones, which go when all are ready. It uses the secrets
    that the environment has now.

    During a deploy it takes the candidate out, and that is all unless --to is
    given. A rollback to the same release that is under way is joined.

    usage: causeway rollback [env] [flags]

    arguments:
      env  the environment

    flags:
      --to <release>  the release to return to, by the start of its id

    flags of every command:
      --config <file>   the config; else causeway.config.ts in this folder or one
                        above it
      --context <name>  the context of your kubeconfig; else the one that the config
                        names
      --verbose         show the requests and processes behind each step
      --json            stdout is one JSON document; errors too
      --no-color        no colour; NO_COLOR and FORCE_COLOR are honoured as well

    exit codes:
      0    done
      1    failed
      2    wrong usage or config
      3    failed, and the stable release serves
      5    unknown: the environment did not answer
      130  interrupted
    "
  `);
  expect((await terminal.call('help', 'rollback')).stdout).toBe(stdout);
});

const program = makeProgram(async () => {});

test.each(treeOf(program).map(nameOf))('the help of %s fits in 80 columns', async (name) => {
  using terminal = new FakeTerminal();
  const [, ...words] = name.split(' ');

  const { exit, stdout } = await terminal.call(...words, '--help');

  expect(exit).toBe(0);
  expect(stdout).not.toBe('');
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

test('what each command of an environment does with a cluster stands in usesOf of src/kubernetes/rights/rights.ts', () => {
  const ofEnvironments = callableOf(program)
    .filter(({ registeredArguments: [first] }) => first?.name() === 'env')
    .map((command) => command.name());

  expect(Object.keys(usesOf).toSorted()).toEqual(ofEnvironments.toSorted());
});

test('examples that are all too long for a column have lines of their own, and what they show below', () => {
  const command = withGuide(new Command('up').description('makes all'), {
    examples: [{ command: `causeway up ${'x'.repeat(40)}`, shows: 'all of it' }],
    about: [],
    exits: ['done'],
  });

  const help = formatHelp(command, { columns: 80, call: 'causeway' });

  expect(help).toContain(`\n  $ causeway up ${'x'.repeat(40)}\n    all of it\n`);
});

test.each([
  [['upp'], 'unknown command upp', 'did you mean causeway up?'],
  [['xyzzy', '--frob'], 'unknown command xyzzy', 'causeway help lists the commands'],
  [['help', 'roolback'], 'unknown command roolback', 'did you mean causeway rollback?'],
  [['up', '--agian'], 'causeway up has no flag --agian', 'did you mean --again?'],
  [['status', '--wach=yes'], 'causeway status has no flag --wach', 'did you mean --watch?'],
  [['up', '--xyzzy'], 'causeway up has no flag --xyzzy', 'causeway up --help lists its flags'],
  [['--jsn'], 'causeway has no flag --jsn', 'did you mean --json?'],
  [
    ['up', 'local', 'now'],
    'causeway up takes one word, the environment; now is too much',
    'causeway up --help shows how it is called',
  ],
  [
    ['run', 'echo', 'hi'],
    'causeway run takes one word, the environment; hi is too much',
    'what it runs stands after --: causeway run [env] -- <command>',
  ],
  [
    ['rollback', '--to'],
    '--to needs a release',
    '--to <release>: the release to return to, by the start of its id',
  ],
  [
    ['rollback', '--to', '--verbose'],
    '--to needs a release',
    '--to <release>: the release to return to, by the start of its id',
  ],
  [['logs', '-n'], '-n needs a number', '-n <n>: how many lines at most'],
  [
    ['rollback', '--to', '4be21c0', 'local', 'now'],
    'causeway rollback takes one word, the environment; now is too much',
    'causeway rollback --help shows how it is called',
  ],
  [['image', 'biuld'], 'unknown command image biuld', 'did you mean causeway image build?'],
  [['image', 'xyzzy'], 'unknown command image xyzzy', 'causeway help image lists its commands'],
  [['help', 'image', 'biuld'], 'unknown command image biuld', 'did you mean causeway image build?'],
  [['image', 'build', '--ouput', 'x'], 'causeway image build has no flag --ouput', 'did you mean --output?'],
  [
    ['image', 'build', '--output'],
    '--output needs a path',
    '--output <path>: write it: an OCI layout folder, or a .tar for docker load',
  ],
  [
    ['image', 'build', 'now'],
    'causeway image build takes no word: now',
    'causeway image build --help shows how it is called',
  ],
  [
    ['image', 'push', 'registry.example.com/shop', 'now'],
    'causeway image push takes one word, the repository; now is too much',
    'causeway image push --help shows how it is called',
  ],
  [
    ['image', 'build', '--output', 'x.tar', '--platform', 'linux/mips'],
    '--platform linux/mips is not linux/amd64 or linux/arm64',
    'write linux/amd64 or linux/arm64 after --platform',
  ],
  [
    ['image', 'inspect', './out', '--sbom', '--provenance'],
    'causeway image inspect prints one document: --sbom or --provenance',
    'call it twice, or leave both out to see what there is',
  ],
  [['image', 'verify'], 'causeway image verify needs an image', 'causeway image verify <image>: registry.'],
  [['image', '--json=1'], '--json takes no value: 1', 'write --json alone, or leave it out'],
  [['demo', 'local'], 'causeway demo takes no word: local', 'causeway demo --help shows how it is called'],
  [['deploy', '--json=1'], '--json takes no value: 1', 'write --json alone, or leave it out'],
  [['up', '--again=false'], '--again takes no value: false', 'write --again alone, or leave it out'],
  [['up', '--again='], "--again takes no value: ''", 'write --again alone, or leave it out'],
  [['status', '-w'], 'causeway status has no flag -w', 'did you mean --watch?'],
  [['status', '-v'], 'causeway status has no flag -v', 'did you mean --verbose or --version?'],
  [['-v'], 'causeway has no flag -v', 'did you mean --verbose or --version?'],
  [['logs', '-n5', '--folow'], 'causeway logs has no flag --folow', 'did you mean --follow?'],
  [['status', 'stagin'], 'the config has no environment stagin', 'did you mean staging?'],
  [['status', 'elsewhere'], 'the config has no environment elsewhere', 'it has local, staging; add it'],
])('%p ends with 2 and says what was meant', async (words, message, hint) => {
  using terminal = new FakeTerminal();

  const { exit, stdout, stderr } = await terminal.call(...words);

  expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
  expect(stderr).toContain(`error: ${message}\n  hint: ${hint}`);
  expect(stderr).toMatch(/\n {2}help: docs\/errors\.md#(usage_wrong|environment_unknown)\n$/);
});

test('with --json an error is one document on stdout, and stands on stderr as well', async () => {
  using terminal = new FakeTerminal();

  const { exit, stdout, stderr } = await terminal.call('upp', '--json');

  expect(exit).toBe(2);
  expect(failureSchema.parse(JSON.parse(stdout)).error).toEqual({
    code: 'usage_wrong',
    message: 'unknown command upp',
    hint: 'did you mean causeway up?',
  });
  expect(stderr).toContain('error: unknown command upp\n');
});

test.each([[['--json']], [['image', '--json']]])(
  '%p has no command: wrong usage, told as a document',
  async (words) => {
    using terminal = new FakeTerminal();

    const { exit, stdout } = await terminal.call(...words);

    expect(exit).toBe(2);
    expect(failureSchema.parse(JSON.parse(stdout)).error.code).toBe('usage_wrong');
  },
);

test('a group of commands alone shows its help, and help finds the commands in it', async () => {
  using terminal = new FakeTerminal();

  const { exit, stdout } = await terminal.call('keys');

  expect(exit).toBe(0);
  expect(stdout).toMatchInlineSnapshot(`
    "causeway keys: makes and lists the keys that sign images

      $ causeway keys init  a new key; its public half belongs to the repository
      $ causeway keys list  the keys that the config trusts

    usage: causeway keys <command> [flags]

    commands:
      init  makes a key that signs images
      list  the keys that the config trusts, and which of them signs here

    flags of every command:
      --config <file>   the config; else causeway.config.ts in this folder or one
                        above it
      --context <name>  the context of your kubeconfig; else the one that the config
                        names
      --verbose         show the requests and processes behind each step
      --json            stdout is one JSON document; errors too
      --no-color        no colour; NO_COLOR and FORCE_COLOR are honoured as well

    exit codes:
      0    done
      1    failed
      2    wrong usage or config
      130  interrupted
    "
  `);
  expect((await terminal.call('help', 'keys')).stdout).toBe(stdout);
  expect((await terminal.call('help', 'keys', 'init')).stdout).toStartWith('causeway keys init: makes a key');
});

test('every document of --json is one line, an error as well, and nothing in it acts on a terminal', async () => {
  using terminal = new FakeTerminal();
  terminal.environment.watch = async function* () {
    yield await terminal.environment.status();
    throw new UserError({ code: 'supervisor_failed', message: 'it ended\nwith \u009b2J', hint: 'none' });
  };

  const { stdout } = await terminal.call('status', '--watch', '--json');

  const [status, failure, ...more] = stdout.trimEnd().split('\n');
  expect(JSON.parse(status ?? '').state).toBe('absent');
  expect(failureSchema.parse(JSON.parse(failure ?? '')).error.message).toBe('it ended\nwith \u009b2J');
  expect(failure).toContain('\\u009b2J');
  expect(more).toEqual([]);
});

test('help, hints and next steps name the command as it was called', async () => {
  using terminal = new FakeTerminal({ env: { CAUSEWAY_COMMAND: './causeway' } });

  const help = await terminal.call('down', '--help');
  const wrong = await terminal.call('upp');
  const { stderr } = await terminal.call('up');

  expect(help.stdout).toContain('$ ./causeway down staging --yes  ');
  expect(help.stdout).toContain('usage: ./causeway down [env] [flags]\n');
  expect(wrong.stderr).toContain('hint: did you mean ./causeway up?\n');
  expect(stderr).toContain('next     edit main.ts, then ./causeway deploy · ');
});

test('anything that is not a UserError is a bug: its stack, how to report it, and 1', async () => {
  using terminal = new FakeTerminal();
  terminal.environment.status = async () => {
    throw new TypeError('undefined is not a function', { cause: new Error('the first cause') });
  };

  const { exit, stderr } = await terminal.call('status');

  expect(exit).toBe(1);
  expect(stderr).toMatch(/^TypeError: undefined is not a function\n {4,}at /);
  expect(stderr).toContain('caused by Error: the first cause\n');
  expect(stderr).toMatch(
    /error: this is a bug of Causeway \S+, not of what you did\n {2}hint: report it with the lines above and the command: causeway status\n$/,
  );
});

test('Ctrl-C in a command that changes nothing ends with 130', async () => {
  using terminal = new FakeTerminal();
  terminal.environment.status = async () => {
    terminal.interrupt();
    throw new Error('cut off');
  };

  const { exit, stdout, stderr } = await terminal.call('status', '--json');

  expect(exit).toBe(130);
  expect(stderr).toBe('interrupted: nothing was changed\n');
  expect(failureSchema.parse(JSON.parse(stdout)).error.code).toBe('interrupted');
});

test('--version prints the version alone', async () => {
  using terminal = new FakeTerminal();

  expect((await terminal.call('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('colour is there on a terminal, and FORCE_COLOR brings it elsewhere', async () => {
  using terminal = new FakeTerminal({ isTerminal: true });
  using forced = new FakeTerminal({ env: { FORCE_COLOR: '1' } });
  using never = new FakeTerminal({ isTerminal: true, env: { NO_COLOR: '1' } });

  expect((await terminal.call('upp')).stderr).toStartWith('\x1b[31merror:\x1b[0m');
  expect((await forced.call('upp')).stderr).toStartWith('\x1b[31merror:\x1b[0m');
  expect((await never.call('upp')).stderr).toStartWith('error:');
  expect((await terminal.call('upp', '--no-color')).stderr).toStartWith('error:');
});
