import { z } from 'zod';
import { UserError } from '../../core/errors.ts';
import { errorCode } from '../durable.ts';
import { parseJson } from '../json.ts';
import type { ContainerSpec } from './container-spec.ts';
import { demultiplex } from './demultiplex.ts';

/** The engine answered that it will not, or could not. */
export class EngineRefusal extends UserError {
  readonly status: number;

  constructor(status: number, what: string, words: string) {
    super({
      code: 'engine_failed',
      message: `the Docker engine could not ${what}: ${words}`,
      hint: 'mend what it says, then run the same command again',
    });
    this.status = status;
  }

  /** What was named is not there. */
  get isMissing(): boolean {
    return this.status === 404;
  }

  /** It is in a state in which that cannot be done: not running where it would be ended, say. */
  get isOverruled(): boolean {
    return this.status === 409;
  }

  /** What was asked for cannot be: a program that is not in the image, say. */
  get isMeaningless(): boolean {
    return this.status === 400;
  }
}

const aboutSchema = z.object({
  Version: z.string(),
  ApiVersion: z.string(),
  MinAPIVersion: z.string().optional(),
  Os: z.string(),
  Arch: z.string(),
});
/** What an engine says of itself. */
export type EngineAbout = Readonly<z.infer<typeof aboutSchema>>;

const containerSchema = z.object({
  Id: z.string(),
  State: z.object({
    Status: z.string(),
    Running: z.boolean(),
    OOMKilled: z.boolean().optional(),
    Pid: z.int().optional(),
    ExitCode: z.int(),
    Error: z.string().nullish(),
  }),
  NetworkSettings: z.object({
    Ports: z.record(z.string(), z.array(z.object({ HostPort: z.string() })).nullish()).nullish(),
  }),
});
/** A container as it is now. */
export type Container = Readonly<z.infer<typeof containerSchema>>;

/** A container among others. */
export interface Listed {
  readonly id: string;
  readonly name: string;
}

/** How long an answer may take that needs no work but the engine's own. */
const answerMs = 30_000;
/** The same for an image that is read in. */
const loadMs = 600_000;
/** What is asked for is in this version of the API; an engine may know none as old or as new. */
const apiVersion = '1.41';

/** The Docker engine behind a socket of this machine, by its HTTP API: https://docs.docker.com/reference/api/engine */
export class Engine {
  readonly socket: string;
  #about: EngineAbout | undefined;

  constructor(socket: string) {
    this.socket = socket;
  }

  /** Throws `engine_missing` where none answers. */
  async about(signal?: AbortSignal, patienceMs = answerMs): Promise<EngineAbout> {
    const found = await this.#json(aboutSchema, 'say what it is', 'GET', '/version', { signal, patienceMs });
    this.#about = found;
    return found;
  }

  /** Makes a container that is started by `start`; its id. */
  async create(name: string, spec: ContainerSpec): Promise<string> {
    const path = await this.#path(`/containers/create?name=${encodeURIComponent(name)}`);
    const made = z.object({ Id: z.string() });
    return (
      await this.#json(made, `make the container ${name}`, 'POST', path, { body: JSON.stringify(spec) })
    ).Id;
  }

  async start(id: string): Promise<void> {
    await this.#ask('start a container', 'POST', await this.#path(`/containers/${id}/start`));
  }

  /** What a container prints from now on, on both streams. */
  async attach(id: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    return this.#output(`/containers/${id}/attach?stream=1&stdout=1&stderr=1`, 'POST', signal);
  }

  /** What a container has printed since its start, then what it prints, until it ends. */
  async logs(id: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    return this.#output(`/containers/${id}/logs?follow=1&stdout=1&stderr=1`, 'GET', signal);
  }

  /** By its id or its name. */
  async inspect(id: string): Promise<Container> {
    const path = await this.#path(`/containers/${id}/json`);
    return this.#json(containerSchema, 'look at a container', 'GET', path);
  }

  /** Returns when a container that was started has ended. */
  async wait(id: string, signal: AbortSignal): Promise<void> {
    const path = await this.#path(`/containers/${id}/wait`);
    await this.#text('wait for a container', 'POST', path, { signal, patienceMs: 0 });
  }

  async kill(id: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const path = await this.#path(`/containers/${id}/kill?signal=${signal}`);
    await this.#ask('end a container', 'POST', path, { patienceMs: killMs });
  }

  /** Ends it if it runs; one that is not there, or is being removed by another, is as good. */
  async remove(id: string): Promise<void> {
    const path = await this.#path(`/containers/${id}?force=1&v=1`);
    try {
      await this.#ask('remove a container', 'DELETE', path);
    } catch (error) {
      if (error instanceof EngineRefusal && error.isOverruled) await this.#seeRemoved(id);
      else unlessMissing(error);
    }
  }

  /** Whoever removes it has a while for that. */
  async #seeRemoved(id: string): Promise<void> {
    const path = await this.#path(`/containers/${id}/wait?condition=removed`);
    const asked = this.#text('wait for a container', 'POST', path, { patienceMs: removalMs });
    await asked.catch((error: unknown) => {
      if (!(error instanceof UserError)) throw error;
    });
  }

  /** Refused (`isOverruled`) where it runs. */
  async removeUnlessRunning(id: string): Promise<void> {
    const path = await this.#path(`/containers/${id}?v=1`);
    await this.#ask('remove a container', 'DELETE', path).catch(unlessMissing);
  }

  /** The containers with all of these labels, those that have ended too. */
  async list(labels: readonly string[], patienceMs = answerMs): Promise<readonly Listed[]> {
    const filters = encodeURIComponent(JSON.stringify({ label: labels }));
    const path = await this.#path(`/containers/json?all=1&filters=${filters}`);
    const found = z.array(z.object({ Id: z.string(), Names: z.array(z.string()).nullish() }));
    const containers = await this.#json(found, 'list containers', 'GET', path, { patienceMs });
    return containers.map(({ Id, Names }) => ({ id: Id, name: (Names?.[0] ?? '').replace(/^\//, '') }));
  }

  async hasImage(name: string): Promise<boolean> {
    const path = await this.#path(`/images/${name}/json`);
    try {
      await this.#ask('look for an image', 'GET', path);
      return true;
    } catch (error) {
      unlessMissing(error);
      return false;
    }
  }

  /** As whom an image runs, in its words; nothing where it does not say. */
  async userOf(image: string): Promise<string | undefined> {
    const path = await this.#path(`/images/${image}/json`);
    const found = z.object({ Config: z.object({ User: z.string().nullish() }).nullish() });
    return (await this.#json(found, 'look at an image', 'GET', path)).Config?.User || undefined;
  }

  /** Reads an image in, as `docker load` does. */
  async load(archive: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<void> {
    const path = await this.#path('/images/load?quiet=1');
    const text = await this.#text('read an image in', 'POST', path, {
      body: archive,
      type: 'application/x-tar',
      patienceMs: loadMs,
      signal,
    });
    for (const line of text.split('\n')) {
      const { data } = z.object({ error: z.string() }).safeParse(parseJson(line));
      if (data) throw new EngineRefusal(500, 'read an image in', data.error);
    }
  }

  /** The names with a tag of this repository. */
  async imagesOf(repository: string, patienceMs = answerMs): Promise<readonly string[]> {
    const filters = encodeURIComponent(JSON.stringify({ reference: [repository] }));
    const path = await this.#path(`/images/json?filters=${filters}`);
    const found = z.array(z.object({ RepoTags: z.array(z.string()).nullish() }));
    const images = await this.#json(found, 'list images', 'GET', path, { patienceMs });
    return images
      .flatMap(({ RepoTags }) => RepoTags ?? [])
      .map((name) => name.replace(/^(localhost|docker\.io)\//, ''))
      .filter((name) => name.startsWith(`${repository}:`));
  }

  /** Takes a name away, and the image with its last name. */
  async removeImage(name: string): Promise<void> {
    await this.#ask('remove an image', 'DELETE', await this.#path(`/images/${name}`)).catch(unlessMissing);
  }

  /** The stream has no end in time; its beginning has. */
  async #output(path: string, method: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new DOMException('no answer', 'TimeoutError')), answerMs);
    try {
      const response = await this.#ask('read what a container prints', method, await this.#path(path), {
        signal: AbortSignal.any([signal, late.signal]),
        patienceMs: 0,
      });
      return demultiplex(response.body ?? []);
    } catch (error) {
      throw late.signal.aborted && !signal.aborted ? this.#toError(late.signal.reason) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #path(path: string): Promise<string> {
    const { ApiVersion, MinAPIVersion } = this.#about ?? (await this.about());
    const known = isNewer(apiVersion, ApiVersion) ? ApiVersion : apiVersion;
    const spoken = MinAPIVersion !== undefined && isNewer(MinAPIVersion, known) ? MinAPIVersion : known;
    return `/v${spoken}${path}`;
  }

  async #json<T>(
    schema: z.ZodType<T>,
    what: string,
    method: string,
    path: string,
    options: AskOptions = {},
  ): Promise<T> {
    const text = await this.#text(what, method, path, options);
    const parsed = schema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw new EngineRefusal(500, what, `its answer is not one that Causeway knows: ${text.slice(0, 200)}`);
  }

  /** The answer whole; one that is cut is as good as none. */
  async #text(what: string, method: string, path: string, options: AskOptions): Promise<string> {
    const response = await this.#ask(what, method, path, options);
    return response.text().catch((error: unknown) => {
      if (options.signal?.aborted) throw options.signal.reason;
      throw this.#toError(error);
    });
  }

  /** Throws `engine_missing` where nobody answers, and `EngineRefusal` where the answer is a refusal. */
  async #ask(what: string, method: string, path: string, options: AskOptions = {}): Promise<Response> {
    const { body, type = 'application/json', signal, patienceMs = answerMs } = options;
    const patience = patienceMs === 0 ? [] : [AbortSignal.timeout(patienceMs)];
    const init: BunFetchRequestInit = {
      method,
      unix: this.socket,
      timeout: false,
      signal: AbortSignal.any([...(signal ? [signal] : []), ...patience]),
      ...(body === undefined ? {} : { body, headers: { 'content-type': type } }),
    };
    const response = await fetch(`http://engine${path}`, init).catch((error: unknown) => {
      if (signal?.aborted) throw signal.reason;
      throw this.#toError(error);
    });
    if (response.ok || response.status === 304) return response;
    throw new EngineRefusal(response.status, what, wordsOf(await response.text().catch(() => '')));
  }

  #toError(error: unknown): unknown {
    return error instanceof UserError ? error : engineMissing(this.socket, error);
  }
}

interface AskOptions {
  readonly body?: string | ReadableStream<Uint8Array>;
  readonly type?: string;
  readonly signal?: AbortSignal | undefined;
  /** 0: for as long as it takes. */
  readonly patienceMs?: number;
}

/** How long another's removal is waited for. */
const removalMs = 5_000;
/** One that does not take this in time hangs. */
const killMs = 10_000;

/** Why no engine answers at a socket, and how to mend that. */
function engineMissing(socket: string, cause: unknown): UserError {
  const { name } = cause as Error;
  // What ends by a signal has a code too, which says nothing.
  const code = name === 'TimeoutError' ? name : (errorCode(cause) ?? name);
  const { because, hint } = reasons[code] ?? {
    because: `it answers with an error (${code})`,
    hint: 'see what its log says: journalctl -u docker',
  };
  return new UserError({
    code: 'engine_missing',
    message: `no Docker engine answers at ${socket}: ${because}`,
    hint: `${hint}; or run processes: runner: 'process' in causeway.config.ts`,
    cause,
  });
}

const isAway = {
  because: 'nothing is there',
  hint: 'start it (sudo systemctl start docker), or install one (sudo apt-get install docker.io)',
};
const isForbidden = {
  because: 'you may not open it',
  hint: 'sudo usermod -aG docker "$USER", then sign in anew',
};
const isSilent = { because: 'it does not answer in time', hint: 'sudo systemctl restart docker' };
const reasons: Readonly<Record<string, { readonly because: string; readonly hint: string }>> = {
  ENOENT: isAway,
  ENOTDIR: isAway,
  ECONNREFUSED: { because: 'nobody listens on it', hint: 'sudo systemctl start docker' },
  EACCES: isForbidden,
  EPERM: isForbidden,
  TimeoutError: isSilent,
  ECONNRESET: { because: 'it broke off', hint: 'sudo systemctl start docker' },
};

function wordsOf(text: string): string {
  const said = z.object({ message: z.string() }).safeParse(parseJson(text));
  return (said.success ? said.data.message : text).trim() || 'it does not say why';
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof EngineRefusal && error.isMissing)) throw error;
}

function isNewer(a: string, b: string): boolean {
  const [[major = 0, minor = 0] = [], [otherMajor = 0, otherMinor = 0] = []] = [a, b].map((version) =>
    version.split('.').map(Number),
  );
  return major > otherMajor || (major === otherMajor && minor > otherMinor);
}
