// A small service on Node; the deploy scripts write its version and what is wrong with it.
const VERSION = '__VERSION__';
const TROUBLE = '__TROUBLE__';

const http = require('node:http');

if (TROUBLE === 'crash') throw new Error('fatal: cannot parse DATABASE_URL');

let asked = 0;
const server = http.createServer((request, response) => {
  const isUser = request.url === '/';
  if (isUser) asked += 1;
  const isBad = isUser && (TROUBLE === 'errors' || (TROUBLE === 'turns' && asked > 20));
  response.writeHead(isBad ? 500 : 200, { 'x-release': VERSION, 'content-type': 'text/plain' });
  response.end(`${VERSION}\n`);
});

if (TROUBLE === 'never') setInterval(() => undefined, 1000);
else server.listen(Number(process.env.PORT), '127.0.0.1', () => process.send?.('ready'));

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
