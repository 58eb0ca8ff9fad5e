const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'your quota on this disk is used up',
  EROFS: 'it is on a read-only file system',
  EACCES: 'you may not write there',
  EPERM: 'you may not write there',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'a folder is in its place',
  EEXIST: 'something that is not a folder is in its place',
};

/** What keeps a file from being written, in plain words; nothing where the error says something else. */
export function whyNotWritten(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? reasons[String(error.code)] : undefined;
}
