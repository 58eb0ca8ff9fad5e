import { listStored, openEnvironment, publishAgent } from './open-environment.ts';
import { processIo } from './process-io.ts';
import { runCli } from './run-cli.ts';

const { io, leave } = processIo(process, { openEnvironment, listStored, publishAgent });
leave(await runCli(process.argv.slice(2), io));
