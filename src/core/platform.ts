export const platforms = ['linux/amd64', 'linux/arm64'] as const;
/** What an image can be run on. */
export type Platform = (typeof platforms)[number];
