import { rmSync } from 'node:fs';
import { constants } from 'node:os';
import { findFreePort } from '../free-port.ts';
import type { ContainerSpec } from './container-spec.ts';

export interface FakeContainer {
  readonly id: string;
  readonly name: string;
  readonly spec: ContainerSpec;
  status: 'created' | 'running' | 'exited';
  exitCode: number;
  isOutOfMemory: boolean;
  process: Bun.Subprocess<'ignore', 'pipe', 'pipe'> | undefined;
  /** Where the process listens that stands for it. */
  port: number;
  output: string;
}

export interface FakeEngineOptions {
  readonly socket: string;
  /** In which containers run, as processes. */
  readonly workingFolder: string;
  readonly api?: { readonly newest: string; readonly oldest: string };
  readonly arch?: string;
}

/** An engine whose containers are processes of this machine, each at a port of its own. */
export class FakeEngine {
  readonly socket: string;
  readonly containers = new Map<string, FakeContainer>();
  /** That images say they run as. */
  user = '65532:65532';
  /** Names with tags. */
  images: string[] = [];
  /** Method and path of each request, without the API's version. */
  readonly requests: string[] = [];
  readonly versions = new Set<string>();
  /** What is asked, and how it is refused. */
  refuse: (request: string) => { readonly status: number; readonly message: string } | undefined = () =>
    undefined;
  /** What waits here until it is resolved. */
  hold: (request: string) => Promise<unknown> | undefined = () => undefined;
  readonly #options: FakeEngineOptions;
  #server: Bun.Server<undefined> | undefined;
  #serial = 0;

  constructor(options: FakeEngineOptions) {
    this.#options = options;
    this.socket = options.socket;
    this.start();
  }

  start(): void {
    rmSync(this.socket, { force: true });
    this.#server = Bun.serve({
      unix: this.socket,
      fetch: (request) => this.#answer(request),
    });
  }

  /** The engine goes away, and its containers with it unless they live on. */
  async stop({ keepsContainers = false } = {}): Promise<void> {
    if (!keepsContainers)
      for (const { process } of this.containers.values()) {
        process?.kill('SIGKILL');
        await process?.exited;
      }
    await this.#server?.stop(true);
    rmSync(this.socket, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  running(): readonly FakeContainer[] {
    return [...this.containers.values()].filter(({ status }) => status === 'running');
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const [version] = /^\/v[\d.]+(?=\/)/.exec(url.pathname) ?? [];
    const path = url.pathname.slice(version?.length ?? 0);
    if (version) this.versions.add(version.slice(2));
    const asked = `${request.method} ${path}`;
    this.requests.push(asked);
    await this.hold(asked);
    const refusal = this.refuse(asked);
    if (refusal) return answer(refusal.status, { message: refusal.message });
    if (path === '/version') return answer(200, this.#about());
    const [, kind, ...rest] = path.split('/');
    if (kind === 'images') return this.#images(request, url, rest);
    if (asked === 'POST /containers/create')
      return this.#create(url.searchParams.get('name') ?? '', (await request.json()) as ContainerSpec);
    if (asked === 'GET /containers/json') return this.#list(url);
    return this.#container(request, url, rest);
  }

  #about() {
    const { api = { newest: '1.41', oldest: '1.12' }, arch = 'amd64' } = this.#options;
    return {
      Version: '20.10.24',
      ApiVersion: api.newest,
      MinAPIVersion: api.oldest,
      Os: 'linux',
      Arch: arch,
    };
  }

  /** What is read in is the name of the image. */
  async #images(request: Request, url: URL, rest: readonly string[]): Promise<Response> {
    if (rest.join('/') === 'load') {
      this.images.push(await request.text());
      return answer(200, { stream: 'Loaded' });
    }
    if (rest.join('/') === 'json') {
      const { reference = [] } = JSON.parse(url.searchParams.get('filters') ?? '{}');
      return answer(
        200,
        this.images
          .filter((name) => name.startsWith(`${reference[0]}:`))
          .map((name) => ({ RepoTags: [name] })),
      );
    }
    const name = rest.join('/').replace(/\/json$/, '');
    if (!this.images.includes(name)) return answer(404, { message: `No such image: ${name}` });
    if (request.method === 'DELETE') this.images = this.images.filter((other) => other !== name);
    return answer(200, { Config: { User: this.user } });
  }

  #create(name: string, spec: ContainerSpec): Response {
    if (!this.images.includes(spec.Image)) return answer(404, { message: `No such image: ${spec.Image}` });
    this.#serial += 1;
    const id = `container${this.#serial}`;
    this.containers.set(id, {
      id,
      name,
      spec,
      status: 'created',
      exitCode: 0,
      isOutOfMemory: false,
      process: undefined,
      port: 0,
      output: '',
    });
    return answer(201, { Id: id });
  }

  #list(url: URL): Response {
    const { label = [] } = JSON.parse(url.searchParams.get('filters') ?? '{}');
    const fitting = [...this.containers.values()].filter(({ spec }) =>
      (label as string[]).every((wanted) =>
        Object.entries(spec.Labels).some(([name, value]) => `${name}=${value}` === wanted),
      ),
    );
    return answer(
      200,
      fitting.map(({ id, name }) => ({ Id: id, Names: [`/${name}`] })),
    );
  }

  async #container(request: Request, url: URL, [named, act]: readonly string[]): Promise<Response> {
    const container = [...this.containers.values()].find(({ id, name }) => id === named || name === named);
    if (!container) return answer(404, { message: `No such container: ${named}` });
    if (request.method === 'DELETE') {
      if (container.status === 'running' && !url.searchParams.has('force'))
        return answer(409, { message: 'You cannot remove a running container' });
      container.process?.kill('SIGKILL');
      await container.process?.exited;
      this.containers.delete(container.id);
      return new Response(null, { status: 204 });
    }
    switch (act) {
      case 'json':
        return answer(200, describe(container));
      case 'start':
        return this.#start(container);
      case 'kill':
        container.process?.kill(url.searchParams.get('signal') as NodeJS.Signals);
        return new Response(null, { status: 204 });
      case 'wait':
        await container.process?.exited;
        return answer(200, { StatusCode: container.exitCode });
      default:
        return framed(container);
    }
  }

  #start(container: FakeContainer): Response {
    const { Entrypoint = [], Cmd = [], Env, ExposedPorts = {} } = container.spec;
    const [program = '', ...args] = [...Entrypoint, ...Cmd];
    const found = Bun.which(program);
    if (!found) {
      const message = `OCI runtime create failed: unable to start container process: exec: "${program}": executable file not found in $PATH: unknown`;
      return answer(400, { message });
    }
    const env = Object.fromEntries(
      Env.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]),
    );
    container.port = Object.keys(ExposedPorts).length > 0 ? findFreePort() : 0;
    container.status = 'running';
    const child = Bun.spawn([found, ...args], {
      cwd: this.#options.workingFolder,
      env: { PATH: '/usr/bin:/bin', ...env, PORT: String(container.port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    container.process = child;
    for (const stream of [child.stdout, child.stderr]) {
      void (async () => {
        for await (const chunk of stream) container.output += Buffer.from(chunk).toString();
      })();
    }
    void child.exited.then((code) => {
      container.status = 'exited';
      container.exitCode = child.signalCode ? 128 + signalNumber(child.signalCode) : code;
    });
    return new Response(null, { status: 204 });
  }
}

function describe({ id, status, exitCode, isOutOfMemory, port, spec }: FakeContainer) {
  const [name] = Object.keys(spec.ExposedPorts ?? {});
  const isRunning = status === 'running';
  return {
    Id: id,
    State: { Status: status, Running: isRunning, OOMKilled: isOutOfMemory, Pid: 0, ExitCode: exitCode },
    NetworkSettings: {
      Ports: name && isRunning ? { [name]: [{ HostIp: '127.0.0.1', HostPort: String(port) }] } : {},
    },
  };
}

/** What it has printed and prints, a frame for each part, until it ends. */
function framed(container: FakeContainer): Response {
  let sent = 0;
  return new Response(
    new ReadableStream<Uint8Array>({
      async start(controller) {
        // A frame without content makes the head of the answer leave.
        controller.enqueue(new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]));
        for (;;) {
          const hasEnded = container.status === 'exited';
          await Bun.sleep(2);
          const bytes = Buffer.from(container.output.slice(sent));
          sent = container.output.length;
          const head = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
          head.writeUInt32BE(bytes.length, 4);
          try {
            if (bytes.length > 0) controller.enqueue(Buffer.concat([head, bytes]));
            if (hasEnded) return controller.close();
          } catch {
            // The reader has left.
            return;
          }
        }
      },
    }),
  );
}

function signalNumber(name: string | number): number {
  return Object.entries(constants.signals).find(([known]) => known === name)?.[1] ?? 0;
}

function answer(status: number, body: unknown): Response {
  return Response.json(body, { status });
}
