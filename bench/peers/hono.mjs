// The same contract in Hono on Bun, with its own logger.
import { Hono } from 'hono';
import { logger } from 'hono/logger';

const app = new Hono();
if (process.env.LOG === 'on') app.use(logger());
app.get('/', (c) =>
  c.json({ message: 'Automate all the things!', timestamp: Math.floor(Date.now() / 1000) }),
);

Bun.serve({ hostname: '127.0.0.1', port: Number(process.env.PORT), development: false, fetch: app.fetch });
