import { type Container, EngineRefusal } from '../engine/engine.ts';
import { signalName } from './process-life.ts';

/** How a container ended, in the words that are used of processes. */
export function describeExit({ ExitCode, OOMKilled }: Container['State']): string {
  if (OOMKilled) return 'out of memory (SIGKILL)';
  // The engine tells an end by a signal as a shell does.
  const signal = ExitCode - 128;
  return signal > 0 && signal < 65 ? `signal ${signalName(signal)}` : `exit code ${ExitCode}`;
}

/** Whether the engine was able, and what it was asked to run is not: all else is no fault of the release. */
export function isRefusedProgram(error: unknown): error is EngineRefusal {
  return error instanceof EngineRefusal && error.isMeaningless;
}

/** Of what the engine and its runtime say of a start that failed, what is about the program. */
export function describeRefusedStart(program: string, { message }: EngineRefusal): string {
  const words = message
    .replace(/^.*unable to start container process: /s, '')
    .replace(/: unknown$/, '')
    .replace(/^the Docker engine could not [^:]*: /, '');
  return `${program} did not start: ${words}`;
}
