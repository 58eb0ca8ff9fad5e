import { describe, expect, test } from 'bun:test';
import {
  type CausewayConfig,
  configJsonSchema,
  environmentOf,
  parseConfig,
  releaseKeys,
  rulesOf,
  settingsOf,
} from './config.ts';
import { anchorOf, listKeys } from './config-keys.ts';
import { UserError } from './errors.ts';

const least = {
  project: 'shop',
  service: { entry: 'src/main.ts' },
  environments: { local: { target: 'local' } },
} satisfies CausewayConfig;

describe('a config', () => {
  test('needs a project, what runs and one environment; the rest has defaults', () => {
    const { service, environments } = parseConfig(least, 'causeway.config.ts');

    expect(service).toMatchObject({ port: 8080, paths: ['/'], drain: '30s', probes: { timeout: '1s' } });
    expect(environments.local).toMatchObject({ port: 8080, replicas: 2, bake: '2s', env: {}, secrets: {} });
  });

  test('is not changed by being read, and what it becomes shares nothing with it', () => {
    const env = { A: '1' };
    const config = parseConfig({ ...least, service: { entry: 'a.ts', env } }, 'causeway.config.ts');
    env.A = '2';
    expect(config.service.env.A).toBe('1');
  });

  test('has the variables of its environment before those of the service', () => {
    const config = parseConfig(
      {
        ...least,
        service: { entry: 'a.ts', env: { A: 'service', B: 'service' }, secrets: { Z: { env: 'Z' } } },
        environments: {
          local: { target: 'local', env: { B: 'local' }, secrets: { K: { file: 'k' } }, bake: '1.5m' },
        },
      },
      'causeway.config.ts',
    );
    const local = environmentOf(config, 'local');

    expect(settingsOf(config, local)).toMatchObject({
      env: { A: 'service', B: 'local' },
      secrets: ['K', 'Z'],
    });
    expect(rulesOf(local)).toMatchObject({ bakeMs: 90_000, startMs: 20_000 });
  });

  test('checks itself in an editor: these lines are wrong to the compiler', () => {
    const wrong = [
      // @ts-expect-error a duration has a unit
      { ...least, service: { entry: 'a.ts', drain: '3x' } } satisfies CausewayConfig,
      // @ts-expect-error prot is not a key
      { ...least, service: { entry: 'a.ts', prot: 80 } } satisfies CausewayConfig,
      // @ts-expect-error a replica count is a number
      { ...least, environments: { local: { target: 'local', replicas: '2' } } } satisfies CausewayConfig,
      // @ts-expect-error there is no such target
      { ...least, environments: { local: { target: 'moon' } } } satisfies CausewayConfig,
      // @ts-expect-error a secret is named by its source, never written down
      { ...least, service: { entry: 'a.ts', secrets: { KEY: 'hunter2' } } } satisfies CausewayConfig,
    ];
    for (const config of wrong) expect(problemsOf(config)).toHaveLength(1);
  });
});

describe('a problem is told in plain words, with its key, the wrong value and what is allowed', () => {
  const withService = (service: object) => ({ ...least, service: { entry: 'a.ts', ...service } });
  const withLocal = (local: object) => ({
    ...least,
    environments: { prod: { target: 'local', ...local } },
  });

  const withCluster = (cluster: object) => ({
    ...least,
    environments: { prod: { target: 'kubernetes', ...cluster } },
  });

  const wrong: readonly [unknown, string][] = [
    [withService({ port: 99_999 }), 'service.port: 99999 is too big; 65535 at most'],
    [withService({ port: 0 }), 'service.port: 0 is too small; 1 at least'],
    [withService({ port: 80.5 }), 'service.port: 80.5 is not a whole number'],
    [withService({ port: Number.NaN }), 'service.port: NaN is not a number'],
    [withService({ port: 80n }), 'service.port: 80n is not a number'],
    [withService({ port: null }), 'service.port: null is not a number'],
    [withService({ port: () => 80 }), 'service.port: a function is not a number'],
    [withService({ probes: Promise.resolve({}) }), 'service.probes: a Promise is not an object'],
    [withService({ probes: [] }), 'service.probes: [] is not an object'],
    [withService({ paths: '/' }), 'service.paths: "/" is not a list'],
    [withService({ paths: [] }), 'service.paths: [] is empty'],
    [withService({ paths: ['/', 'x'] }), `service.paths[1]: "x" is not a path; write '/' or '/readyz'`],
    [withService({ paths: ['//evil'] }), `service.paths[0]: "//evil" is not a path; write '/' or '/readyz'`],
    [
      withService({ test: 3 }),
      "service.test: 3 is not a command; write a text, or a list such as ['bun', 'test']",
    ],
    [withService({ test: ['bun', 3] }), 'service.test[1]: 3 is not a text'],
    [
      withService({ drain: '30' }),
      `service.drain: "30" is not a duration; write '500ms', '2s', '5m' or '8h'`,
    ],
    [withService({ drain: '-1s' }), 'service.drain: "-1s" is negative'],
    [withService({ drain: '30d' }), 'service.drain: "30d" is too long; 24d at most'],
    [withService({ prot: 80 }), 'service.prot is not a key; did you mean port?'],
    [
      withService({ replicas: 2 }),
      'service.replicas is not a key; did you mean environments.<name>.replicas?',
    ],
    [
      withService({ secrets: { KEY: { vault: 'x' } } }),
      "service.secrets.KEY: an object is not the source of a secret; write one of { env: 'NAME' }, { file: 'path' }, { command: ['…'] }",
    ],
    [
      withService({ env: { '1A': 'x' } }),
      "service.env.1A is not the name of a variable; use letters, digits and '_'",
    ],
    [withService({ env: { PORT: '80' } }), 'service.env.PORT is given to each replica by Causeway'],
    [withService({ env: { LEVEL: 5n } }), 'service.env.LEVEL: this bigint is not a text'],
    [withService({ env: { LEVEL: undefined } }), 'service.env.LEVEL: undefined is not a text'],
    [
      withService({ env: { LONG: 'x'.repeat(131_072) } }),
      'service.env.LONG: this text has 128 KiB; a process can be given 127 KiB in one variable',
    ],
    [
      withLocal({ env: Object.fromEntries(['A', 'B', 'C', 'D'].map((name) => [name, 'ü'.repeat(60_000)])) }),
      'environments.prod.env has 469 KiB with service.env; 384 KiB at most, so put what is large into files of the service',
    ],
    [withService({ files: ['a'] }), 'service.files goes without entry; write one of the two'],
    [{ ...least, service: { files: ['a'] } }, 'service.command is missing; it starts a replica'],
    [
      { ...least, service: {} },
      'service.entry is missing; or give files and command for a service that Bun does not run',
    ],
    [withLocal({ replicas: '2' }), 'environments.prod.replicas: "2" is not a number'],
    [
      withLocal({ port: 80, runner: () => 'process' }),
      `environments.prod.runner: a function is not known; write 'process' or 'container'`,
    ],
    [withLocal({ deadlines: { start: '0s' } }), 'environments.prod.deadlines.start: "0s" is no time at all'],
    [
      withLocal({ target: 'moon' }),
      `environments.prod.target: "moon" is not a target; write 'local', 'kubernetes' or 'aws'`,
    ],
    [
      { ...least, environments: { prod: { port: 1 } } },
      "environments.prod.target is missing; write 'local', 'kubernetes' or 'aws'",
    ],
    [
      { ...least, environments: { prod: { traget: 'local', port: 1 } } },
      'environments.prod.traget is not a key; did you mean target?',
    ],
    [
      { ...least, environments: { prod: { port: 1, type: 'kubernetes' } } },
      'environments.prod.type is not a key; did you mean target?',
    ],
    [
      { ...least, environments: { prod: { prot: 1 } } },
      "environments.prod.target is missing; write 'local', 'kubernetes' or 'aws'",
    ],
    [
      withCluster({ exposure: { knid: 'loadbalancer' } }),
      'environments.prod.exposure.knid is not a key; did you mean kind?',
    ],
    [
      withCluster({ surge: 'some' }),
      `environments.prod.surge: "some" is not known; write 'all', 'one' or 'none'`,
    ],
    [
      withCluster({ surge: 'none', replicas: 1 }),
      `environments.prod.surge: "none" takes two replicas: with one that makes room for the candidate, nothing serves; write 'one', or replicas: 2`,
    ],
    [
      withCluster({ surge: 'none', autoscale: { min: 1, max: 3 } }),
      `environments.prod.surge: "none" takes two replicas: with one that makes room for the candidate, nothing serves; write 'one', or autoscale.min: 2`,
    ],
    [
      withCluster({ autoscale: { min: 5, max: 3 } }),
      'environments.prod.autoscale.max: 3 is less than min, which is 5',
    ],
    [
      withCluster({ autoscale: { max: 1 } }),
      'environments.prod.autoscale.max: 1 is less than min, which is 2',
    ],
    [{ ...least, environments: {} }, "environments is empty; write local: { target: 'local' }"],
    [
      { ...least, environments: { 'my prod': { target: 'local' } } },
      `environments["my prod"] is not a name; use lower-case letters, digits and '-', 40 at most, and begin with a letter`,
    ],
    [{ service: least.service, environments: least.environments }, 'project is missing'],
    [null, 'null is not an object'],
    [[least], 'a list is not an object'],
    [Promise.resolve(least), 'a Promise is not an object'],
  ];
  for (const [exported, problem] of wrong) {
    test(problem, () => {
      expect(problemsOf(exported)).toEqual([problem]);
    });
  }

  test('two local environments may not share a port, given or by default', () => {
    const local = { target: 'local' };

    expect(problemsOf({ ...least, environments: { local, other: { ...local, port: 8080 } } })).toEqual([
      'environments.other.port: 8080 is the port of local too; other needs another (the default is 8080)',
    ]);
    expect(problemsOf({ ...least, environments: { a: local, b: local } })).toEqual([
      'environments.b.port is the port of a too; b needs another (the default is 8080)',
    ]);
    expect(problemsOf({ ...least, environments: { a: local, b: { ...local, port: 8081 } } })).toEqual([]);
  });

  test('a project and an environment whose names are too long together for a namespace need one of its own', () => {
    const name = 'e'.repeat(40);
    const project = 'p'.repeat(23);
    const kubernetes = { target: 'kubernetes' };

    expect(problemsOf({ ...least, project, environments: { [name]: kubernetes } })).toEqual([
      `environments.${name} makes the namespace ${project}-${name} of 64 letters; 63 at most, so write namespace here`,
    ]);
    expect(
      problemsOf({ ...least, project, environments: { [name]: { ...kubernetes, namespace: 'short' } } }),
    ).toEqual([]);
    expect(problemsOf({ ...least, project: 'p'.repeat(22), environments: { [name]: kubernetes } })).toEqual(
      [],
    );
    expect(problemsOf({ ...least, project, environments: { [name]: { target: 'local' } } })).toEqual([]);
  });

  test('an environment that asks for signatures needs a key to trust', () => {
    const environments = { local: { target: 'local', signed: true } };

    expect(problemsOf({ ...least, environments })).toEqual([
      'environments.local.signed: true needs a key in image.trust; causeway keys init makes one',
    ]);
    expect(problemsOf({ ...least, environments, image: { trust: ['keys/one.pub'] } })).toEqual([]);
  });

  test('the same service as processes and as containers may share one: one of the two is up at a time', () => {
    const container = { target: 'local', runner: 'container' };

    expect(problemsOf({ ...least, environments: { local: { target: 'local' }, container } })).toEqual([]);
    expect(problemsOf({ ...least, environments: { container, other: container } })).toHaveLength(1);
  });

  test('all at once, those that concern two keys included, one a line', () => {
    const error = errorOf({
      project: 'Shop',
      service: { port: -1, evn: {} },
      environments: { a: { target: 'local', replicas: 0 }, b: { target: 'local' } },
    });

    expect(error.message).toBe(
      [
        'causeway.config.ts has 6 problems',
        `       project: "Shop" is not a name; use lower-case letters, digits and '-', 40 at most, and begin with a letter`,
        '       service.port: -1 is too small; 1 at least',
        '       service.evn is not a key; did you mean env?',
        '       service.entry is missing; or give files and command for a service that Bun does not run',
        '       environments.a.replicas: 0 is too small; 1 at least',
        '       environments.b.port is the port of a too; b needs another (the default is 8080)',
      ].join('\n'),
    );
  });

  test('never with a value from below env or secrets', () => {
    const secret = 'hunter2';
    const places = [
      { env: secret },
      { env: [secret] },
      { env: { A: `${secret}\0` } },
      { env: { A: [secret] } },
      { secrets: secret },
      { secrets: { A: secret } },
      { secrets: { A: { env: `${secret}!` } } },
      { secrets: { A: { file: '', value: secret } } },
      { secrets: { A: { command: secret } } },
    ];
    for (const place of places) {
      for (const config of [withService(place), withLocal(place)]) {
        expect(problemsOf(config).join()).toMatch(/^(service|environments.prod).(env|secrets)/);
        expect(errorOf(config).message).not.toContain(secret);
      }
    }
  });

  test('without what would act on a terminal, and a long value cut', () => {
    const [problem = ''] = problemsOf({ ...least, project: `\u001b[2J\u009b\u202e${'x'.repeat(1000)}` });

    expect(problem).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(problem.length).toBeLessThan(250);
  });

  test('with a hint that leads to the key in docs/config.md', () => {
    expect(errorOf(withService({ port: 0 })).hint).toBe('docs/config.md#serviceport says what it may be');
    expect(errorOf(withLocal({ allow: { slow: 3 } })).hint).toBe(
      'docs/config.md#environmentsnameallow says what it may be',
    );
    expect(errorOf(withService({ port: 0, drain: 3 })).hint).toBe(
      'docs/config.md#serviceport says what service.port may be',
    );
    expect(errorOf({ ...least, extra: 1 }).hint).toBe(
      'docs/config.md lists every key, its type and its default',
    );
    expect(errorOf(undefined).message).toBe('causeway.config.ts has no default export');
  });
});

test('no two keys have the same anchor', () => {
  const anchors = listKeys(configJsonSchema()).map(({ path }) => anchorOf(path));
  expect(new Set(anchors).size).toBe(anchors.length);
});

test('an environment that the config does not have is named, with the ones that it has', () => {
  const config = parseConfig(least, 'causeway.config.ts');

  expect(() => environmentOf(config, 'locale')).toThrow(
    expect.objectContaining({ code: 'environment_unknown', hint: 'did you mean local?' }),
  );
  expect(() => environmentOf(config, 'constructor')).toThrow(
    expect.objectContaining({
      message: 'the config has no environment constructor',
      hint: 'it has local; add it under environments: docs/config.md#environments',
    }),
  );
});

test('the keys that are documented to make another release are those that change the settings', () => {
  const other: Record<string, unknown> = {
    'service.port': 1,
    'service.paths': ['/x'],
    'service.probes': { ready: '/x' },
    'service.env': { A: '1' },
    'service.secrets': { A: { env: 'A' } },
    'service.drain': '1s',
    'service.release': ['x'],
    'service.test': ['x'],
    'environments.<name>.env': { A: '1' },
    'environments.<name>.secrets': { A: { env: 'A' } },
    'environments.<name>.port': 1,
    'environments.<name>.replicas': 3,
    'environments.<name>.bake': '1s',
    'environments.<name>.allow': { slowdown: 2 },
    'environments.<name>.deadlines': { start: '1s' },
    'environments.<name>.hooks': { before: 'x' },
    'environments.<name>.runner': 'container',
    'environments.<name>.signed': true,
    'environments.<name>.context': 'kind-kind',
    'environments.<name>.namespace': 'shop',
    'environments.<name>.autoscale': { max: 3 },
    'environments.<name>.surge': 'one',
    'environments.<name>.exposure': { kind: 'loadbalancer' },
    'environments.<name>.allowFrom': [{ namespace: 'x' }],
    'environments.<name>.resources': { cpu: '1' },
    'environments.<name>.preStop': '1s',
    'environments.<name>.pullSecret': 'x',
    'environments.<name>.region': 'eu-central-1',
    'environments.<name>.account': '123456789012',
    'environments.<name>.network': 'private',
    'environments.<name>.zones': ['use1-az1', 'use1-az2'],
    'environments.<name>.domain': 'shop.example.com',
    'environments.<name>.admins': ['arn:aws:iam::123456789012:role/deployer'],
    'environments.<name>.allowApiFrom': ['203.0.113.7/32'],
    'environments.<name>.ttl': '4h',
    'environments.<name>.protected': true,
    'environments.<name>.budget': 50,
  };
  const ofThisMachine = ['environments.<name>.port', 'environments.<name>.runner'];
  const paths = Object.keys(other);
  const ofAws = paths.slice(paths.indexOf('environments.<name>.region'));
  const changing = Object.entries(other).filter(([path, value]) => {
    const key = path.split('.').at(-1) ?? '';
    const target = ofThisMachine.includes(path) ? 'local' : ofAws.includes(path) ? 'aws' : 'kubernetes';
    const settings = (service: object, environment: object) => {
      const config = parseConfig(
        {
          ...least,
          image: { trust: ['key'] },
          service: { ...least.service, ...service },
          environments: { one: { target, ...environment } },
        },
        'causeway.config.ts',
      );
      return settingsOf(config, environmentOf(config, 'one'));
    };
    const one = { [key]: value };
    const changed = path.startsWith('service') ? settings(one, {}) : settings({}, one);
    return !Bun.deepEquals(changed, settings({}, {}));
  });

  const made = ['service.entry', 'service.files', 'service.command'];
  const target = ['environments.<name>.target'];
  expect([...made, ...changing.map(([path]) => path)].sort()).toEqual([...releaseKeys].sort());
  const children = listKeys(configJsonSchema()).map(({ path }) => path.split('.'));
  const whole = children
    .filter((path) => path.length === (path[0] === 'service' ? 2 : 3))
    .map((path) => path.join('.'));
  expect([...made, ...target, ...Object.keys(other)].sort()).toEqual(whole.sort());
});

function errorOf(exported: unknown): UserError {
  try {
    parseConfig(exported, 'causeway.config.ts');
  } catch (error) {
    if (error instanceof UserError && error.code === 'config_wrong') return error;
    throw error;
  }
  throw new Error('the config was accepted');
}

function problemsOf(exported: unknown): readonly string[] {
  try {
    parseConfig(exported, 'causeway.config.ts');
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const [first = '', ...lines] = error.message.split('\n');
    return lines.length > 0
      ? lines.map((line) => line.trimStart())
      : [first.replace('causeway.config.ts: ', '')];
  }
}
