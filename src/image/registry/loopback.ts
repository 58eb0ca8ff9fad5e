const loopback = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]+)?$/i;

/** Whether a host, with or without its port, is this machine: spoken to without TLS, as docker does. */
export function isLoopback(host: string): boolean {
  return loopback.test(host);
}
