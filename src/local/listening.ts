import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The TCP ports on which the processes of this group listen; empty where the system does not tell (not Linux). */
export function listeningPorts(groupId: number): readonly number[] {
  try {
    return portsOf(socketsOf(groupId));
  } catch {
    return [];
  }
}

/** The process that listens on a port, as `pid 123 (node server.js)`, where the system tells. */
export function listenerOn(port: number): string | undefined {
  try {
    const inode = listeners().find((listener) => listener.port === port)?.inode;
    const pid = processes().find(
      (candidate) => inode !== undefined && socketInodes(candidate).includes(inode),
    );
    return pid === undefined ? undefined : `pid ${pid} (${commandOf(pid)})`;
  } catch {
    return undefined;
  }
}

/** Whether somebody accepts connections at a port of 127.0.0.1. */
export async function isOpen(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

function socketsOf(groupId: number): ReadonlySet<string> {
  return new Set(
    processes()
      .filter((pid) => groupOf(pid) === groupId)
      .flatMap(socketInodes),
  );
}

function portsOf(inodes: ReadonlySet<string>): readonly number[] {
  const ports = listeners()
    .filter(({ inode }) => inodes.has(inode))
    .map(({ port }) => port);
  return [...new Set(ports)].sort((a, b) => a - b);
}

export interface Listener {
  readonly port: number;
  readonly inode: string;
  readonly isLoopback: boolean;
}

/** 127.0.0.0/8 with its bytes reversed, and ::1 with those of each word reversed. */
const loopback = /^(.{6}7F|0{24}01000000)$/;

/** Of this machine, or of the process whose `/proc/<pid>/net` is given. See proc_pid_net(5): state 0A is LISTEN, the address is hexadecimal. */
export function listeners(folder = '/proc/net'): readonly Listener[] {
  const found = [];
  for (const file of [`${folder}/tcp`, `${folder}/tcp6`]) {
    for (const line of readLines(file).slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      const [address = '', port] = local?.split(':') ?? [];
      if (state === '0A' && port && inode)
        found.push({ port: Number.parseInt(port, 16), inode, isLoopback: loopback.test(address) });
    }
  }
  return found;
}

function processes(): readonly number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

function socketInodes(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const target = linkTarget(`/proc/${pid}/fd/${fd}`);
      return target?.startsWith('socket:[') ? [target.slice(8, -1)] : [];
    });
  } catch {
    return [];
  }
}

function groupOf(pid: number): number | undefined {
  const stat = readLines(`/proc/${pid}/stat`)[0];
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
}

function commandOf(pid: number): string {
  const words = (readLines(`/proc/${pid}/cmdline`)[0] ?? '').split('\0').filter(Boolean).join(' ');
  return words.length > 60 ? `${words.slice(0, 59)}…` : words;
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
