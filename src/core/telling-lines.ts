/** What loggers and runtimes write of an error. */
const ofErrors = /"level":\s*"(error|fatal)"|\b(error|exception|panic|fatal|traceback)\b/i;
/** What access logs write of a request that failed. */
const ofFailedRequests = /"status":\s*5\d\d\b|\bstatus[=: ]+5\d\d\b|" 5\d\d /;

/**
 * Of what a replica printed that runs on, the lines that tell most of what is wrong, `most` of the last: those of errors, with
 * the indented ones below them, else those of failed requests, else all.
 */
export function tellingLines(lines: readonly string[], most: number): readonly string[] {
  const errors = withBelow(lines, ofErrors);
  const telling = errors.length > 0 ? errors : lines.filter((line) => ofFailedRequests.test(line));
  return (telling.length > 0 ? telling : lines).slice(-most);
}

function withBelow(lines: readonly string[], pattern: RegExp): readonly string[] {
  let isBelow = false;
  return lines.filter((line) => {
    isBelow = /^\s+\S/.test(line) ? isBelow : pattern.test(line);
    return isBelow;
  });
}
