/** What the engine makes a container of: the body of `POST /containers/create`, as far as it is used. */
export interface ContainerSpec {
  readonly Image: string;
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Tty?: boolean;
  readonly OpenStdin?: boolean;
  readonly StdinOnce?: boolean;
  readonly AttachStdin?: boolean;
  readonly AttachStdout?: boolean;
  readonly AttachStderr?: boolean;
  readonly HostConfig: HostConfig;
}

interface HostConfig {
  readonly ReadonlyRootfs: boolean;
  readonly Tmpfs: Readonly<Record<string, string>>;
  readonly CapDrop: readonly string[];
  readonly PidsLimit: number;
  readonly SecurityOpt: readonly string[];
  readonly RestartPolicy: { readonly Name: 'no' };
  readonly LogConfig: { readonly Type: string; readonly Config: Readonly<Record<string, string>> };
  readonly PortBindings?: Readonly<
    Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>
  >;
}

export interface ContainerOptions {
  /** Its name in the engine. */
  readonly image: string;
  /** None: what the image says. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Opened on 127.0.0.1, at a port that the engine chooses. */
  readonly port?: number;
}

/** A container as a cluster would run it: a read-only root with a /tmp, no capabilities, the image's user. */
export function containerSpec({ image, command, env, labels, port }: ContainerOptions): ContainerSpec {
  const [program, ...args] = command;
  return {
    Image: image,
    ...(program === undefined ? {} : { Entrypoint: [program], Cmd: args }),
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    Labels: labels,
    ...(port === undefined ? {} : { ExposedPorts: { [portName(port)]: {} } }),
    HostConfig: {
      ReadonlyRootfs: true,
      Tmpfs: { '/tmp': 'rw,exec,nosuid,nodev,mode=1777' },
      CapDrop: ['ALL'],
      // What forks without end must not take the machine along.
      PidsLimit: 512,
      SecurityOpt: ['no-new-privileges'],
      RestartPolicy: { Name: 'no' },
      // Causeway keeps what is printed; the engine's own copy must not grow without bound.
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
      ...(port === undefined
        ? {}
        : { PortBindings: { [portName(port)]: [{ HostIp: '127.0.0.1', HostPort: '' }] } }),
    },
  };
}

/** As the engine names a port of a container. */
export function portName(port: number): string {
  return `${port}/tcp`;
}
