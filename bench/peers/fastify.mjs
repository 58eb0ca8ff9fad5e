// The same contract in Fastify, with a schema, which makes its JSON fast; its logger writes one line a request.
import Fastify from 'fastify';

const app = Fastify({ logger: process.env.LOG === 'on', disableRequestLogging: true });
if (process.env.LOG === 'on') {
  app.addHook('onResponse', (request, reply, done) => {
    request.log.info({
      method: request.method,
      url: request.url,
      status: reply.statusCode,
      ms: reply.elapsedTime,
    });
    done();
  });
}
const schema = {
  response: {
    200: {
      type: 'object',
      properties: { message: { type: 'string' }, timestamp: { type: 'integer' } },
    },
  },
};
app.get('/', { schema }, () => ({
  message: 'Automate all the things!',
  timestamp: Math.floor(Date.now() / 1000),
}));
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
