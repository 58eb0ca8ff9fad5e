import { answer } from './message.ts';

// As small as a service can be that Causeway deploys: see docs/service-contract.md.
const server = Bun.serve({
  port: Number(process.env.PORT),
  hostname: process.env.HOST ?? '0.0.0.0',
  development: false,
  reusePort: false,
  fetch: () => answer(Date.now()),
});

process.on('SIGTERM', async () => {
  await server.stop();
  process.exit(0);
});
