// The least that a proxy made of the runtime's own server and client costs: it counts nothing and mends nothing.
const session = new Bun.FetchSession({ proxy: false });
const upstream = `http://127.0.0.1:${process.env.UPSTREAM}`;

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT),
  development: false,
  fetch: ({ url, method, headers, body, signal }) => {
    const path = url.slice(url.indexOf('/', 'http://'.length));
    return session.fetch(upstream + path, {
      method,
      headers,
      body,
      signal,
      redirect: 'manual',
      decompress: false,
    });
  },
});
