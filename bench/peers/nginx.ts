export interface NginxOptions {
  readonly port: number;
  /** Lines of its `server` block. */
  readonly server: readonly string[];
  /** Lines of its `http` block. */
  readonly http?: readonly string[];
}

/** A whole configuration of nginx: all that it writes lies in its working folder. */
export function nginxConfig({ port, server, http = [] }: NginxOptions): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
pid nginx.pid;
error_log error.log;
worker_processes 1;
events { worker_connections 4096; }
http {
  ${[...temporary.map((name) => `${name}_temp_path ${name};`), ...http].join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    ${server.join('\n    ')}
  }
}
`;
}

/** The contract, as far as nginx goes without a module: the timestamp stands still. */
export const staticAnswer = [
  'default_type application/json;',
  `return 200 '{"message":"Automate all the things!","timestamp":1529729125}';`,
];

export interface ProxyOptions {
  readonly port: number;
  readonly upstreams: readonly number[];
  /** How many to the upstreams are kept open. */
  readonly connections: number;
}

/** Passes every request on over kept connections, and logs none. */
export function proxyConfig({ port, upstreams, connections }: ProxyOptions): string {
  const servers = upstreams.map((upstream) => `server 127.0.0.1:${upstream};`).join(' ');
  return nginxConfig({
    port,
    http: ['access_log off;', `upstream web { ${servers} keepalive ${connections}; }`],
    server: ['location / { proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection ""; }'],
  });
}
