export interface KeeperOptions {
  /** What starts a supervisor; the number of restarts so far is added to it. */
  readonly argv: readonly string[];
  readonly restarts: number;
  /** While this file is there, no supervisor is started: `down` had to kill one. */
  readonly tombstone: string;
  /** A keeper was started: the first one, or one in the place of one that ended. */
  readonly onStart?: (pid: number) => void;
}

/**
 * The supervisor and its keeper watch each other, so that a `kill -9` of either is mended. The keeper is a
 * shell that reads from a pipe which the supervisor alone holds open: a line says goodbye; an end without one
 * says that the supervisor died, and the keeper becomes the next supervisor.
 */
export class Keeper {
  readonly #argv: readonly string[];
  readonly #onStart: (pid: number) => void;
  #child: Bun.Subprocess<'pipe', 'inherit', 'inherit'> | undefined;
  #isDismissed = false;

  constructor({ argv, restarts, tombstone, onStart = () => undefined }: KeeperOptions) {
    this.#onStart = onStart;
    this.#argv = ['/bin/sh', '-c', script, 'causeway-keeper', tombstone, String(restarts), ...argv];
  }

  start(): void {
    const bornAt = performance.now();
    const child = Bun.spawn([...this.#argv], {
      stdio: ['pipe', 'inherit', 'inherit'],
      cwd: '/',
      detached: true,
      onExit: () => {
        setTimeout(
          () => {
            if (!this.#isDismissed) this.start();
          },
          performance.now() - bornAt < shortLifeMs ? pauseMs : 0,
        );
      },
    });
    child.unref();
    this.#child = child;
    this.#onStart(child.pid);
  }

  /** The supervisor is about to end on purpose. */
  async dismiss(): Promise<void> {
    this.#isDismissed = true;
    this.#child?.stdin.write('goodbye\n');
    await this.#child?.stdin.end();
    await this.#child?.exited;
  }
}

/** A keeper that keeps ending is not started in a tight loop. */
const shortLifeMs = 1_000;
const pauseMs = 1_000;

/** Restarts are counted while each comes within ten seconds of the one before: one that served longer does not crash in a loop. */
const script = `
trap '' HUP INT TERM
tombstone=$1
restarts=$2
shift 2
since=$(date +%s)
if read -r _; then exit 0; fi
if [ -e "$tombstone" ]; then exit 0; fi
if [ $(($(date +%s) - since)) -gt 10 ]; then restarts=0; fi
trap - HUP INT TERM
exec "$@" "$((restarts + 1))"
`;
