/** What the demo's service answers; `now` is in milliseconds since 1970. */
export function answer(now: number): Response {
  return Response.json({ message: 'Automate all the things!', timestamp: Math.floor(now / 1000) });
}
