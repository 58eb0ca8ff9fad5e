import { agentSetupSchema, setupVariable } from '../src/kubernetes/agent/setup.ts';
import { openApi } from '../src/kubernetes/api/open-api.ts';
import { ownAccess } from './own-access.ts';
import { runAgent } from './run-agent.ts';

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());

const { env } = process;
const setup = agentSetupSchema.parse(JSON.parse(env[setupVariable] ?? 'null'));
const access = await ownAccess({ env });
const api = openApi({ access, namespace: setup.place.namespace, trace: () => undefined });
const print = (line: string) => process.stdout.write(`${line}\n`);
await runAgent({ setup, api, print, signal: stop.signal });
// One that is told to leave has not done its work: its Job is to start another.
process.exit(stop.signal.aborted ? 1 : 0);
