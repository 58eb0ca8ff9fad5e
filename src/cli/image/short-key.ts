/** What people see of a key: as many characters as its file is named by. */
export function shortKey(id: string): string {
  return id.slice(0, 12);
}
