import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { startLoad } from './load.ts';
import { hasFailed, renderReport } from './report.ts';
import { presets } from './shape.ts';

const command = new Command('load')
  .description('send load to a service on this machine and count how every request ended')
  .requiredOption('--port <number>', 'port of the service', whole)
  .option('--host <address>', 'a loopback address', '127.0.0.1')
  .option('--seconds <number>', 'how long to send', positive, 10)
  .option('--requests <number>', 'end after so many requests', whole)
  .option('--scale <number>', 'multiplies rates and connections', positive, 1)
  .addOption(
    new Option('--preset <name>', 'what to send')
      .choices(['mixed', 'plain', 'closed'] as const)
      .default('mixed' as const),
  )
  .option('--json', 'print the report as one JSON document', false)
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
const { host, port, seconds, requests, scale, preset, json } = command.parse().opts();

try {
  const shape = presets[preset]({ scale });
  const load = startLoad({ host, port, shape, ...(requests !== undefined && { requests }) });
  const timer = setTimeout(load.stop, seconds * 1000);
  process.once('SIGINT', load.stop);
  const report = await load.ended;
  clearTimeout(timer);
  console.log(json ? JSON.stringify(report) : renderReport(report));
  process.exitCode = hasFailed(report) ? 1 : 0;
} catch (error) {
  if (!(error instanceof RangeError)) throw error;
  command.error(`error: ${error.message}`);
}

function whole(text: string): number {
  const number = positive(text);
  if (!Number.isInteger(number)) throw new InvalidArgumentError('It must be a whole number.');
  return number;
}

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError('It must be a number above 0.');
  return number;
}
