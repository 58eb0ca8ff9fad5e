/** `--quick` is to see that a part of the bench runs; what it measures then is worth nothing. */
export const isQuick = process.argv.includes('--quick');
