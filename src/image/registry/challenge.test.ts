import { expect, test } from 'bun:test';
import { type Challenge, parseChallenges } from './challenge.ts';

test.each<[string, Challenge[]]>([
  [
    'Bearer realm="https://auth.example.com/token",service="example.com",scope="repository:a/b:pull,push"',
    [
      {
        scheme: 'bearer',
        parameters: {
          realm: 'https://auth.example.com/token',
          service: 'example.com',
          scope: 'repository:a/b:pull,push',
        },
      },
    ],
  ],
  ['Basic realm="a \\"quoted\\" one"', [{ scheme: 'basic', parameters: { realm: 'a "quoted" one' } }]],
  ['Basic', [{ scheme: 'basic', parameters: {} }]],
  [
    'Basic realm="x", Bearer realm = "https://a/t" , service=b',
    [
      { scheme: 'basic', parameters: { realm: 'x' } },
      { scheme: 'bearer', parameters: { realm: 'https://a/t', service: 'b' } },
    ],
  ],
  ['', []],
])('%s offers what it says', (header, challenges) => {
  expect(parseChallenges(header)).toEqual(challenges);
});
