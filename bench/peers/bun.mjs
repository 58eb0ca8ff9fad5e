// The runtime alone: what the service adds to it is its log, its metrics and its limits.
Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT),
  development: false,
  routes: {
    '/': () =>
      Response.json({ message: 'Automate all the things!', timestamp: Math.floor(Date.now() / 1000) }),
  },
});
