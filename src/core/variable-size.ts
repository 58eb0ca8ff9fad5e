/** Linux hands 128 KiB to a process in one variable, its name with it. */
export const mostVariableBytes = 127 * 1024;

export function showKib(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`;
}
