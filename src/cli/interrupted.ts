/** Ctrl-C came: what is left in which state, and the command to go on with. */
export class Interrupted extends Error {
  readonly next: string | undefined;

  constructor(message: string, next?: string) {
    super(message);
    this.name = 'Interrupted';
    this.next = next;
  }
}
