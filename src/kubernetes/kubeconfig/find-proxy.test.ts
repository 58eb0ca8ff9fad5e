import { expect, test } from 'bun:test';
import { findProxy } from './find-proxy.ts';

const proxy = 'http://proxy.corp:3128';
const find = (server: string, env: Record<string, string>, proxyUrl?: string) =>
  findProxy({ server, env, proxyUrl });

test('without any, the API server is reached directly', () => {
  expect(find('https://api.corp:6443', {})).toBeUndefined();
  expect(find('https://api.corp:6443', { HTTPS_PROXY: '', HTTP_PROXY: proxy })).toBeUndefined();
});

test('the kubeconfig’s wins over the shell’s, and over its exceptions', () => {
  const env = { HTTPS_PROXY: 'http://other:1', NO_PROXY: '*' };

  expect(find('https://127.0.0.1:6443', env, proxy)).toBe(proxy);
});

test('the shell’s may be written without what it speaks, and in small letters', () => {
  expect(find('https://api.corp:6443', { https_proxy: 'proxy.corp:3128' })).toBe(proxy);
});

test.each([
  ['https://127.0.0.1:6443', ''],
  ['https://[::1]:6443', ''],
  ['https://localhost:6443', ''],
  ['https://api.corp:6443', '*'],
  ['https://api.corp:6443', 'other, api.corp'],
  ['https://api.corp:6443', 'CORP'],
  ['https://api.corp:6443', '.corp'],
  ['https://api.corp:6443', '*.corp'],
  ['https://api.corp:6443', 'api.corp:6443'],
  ['https://api.corp', 'api.corp:443'],
  ['https://10.1.2.3:6443', '10.1.2.3'],
  ['https://10.1.2.3:6443', '192.168.0.0/16,10.0.0.0/8'],
  ['https://[fd00::7]:6443', 'fd00::7'],
  ['https://[fd00::7]:6443', 'fd00::/8'],
])('%s is reached directly where NO_PROXY is "%s"', (server, exceptions) => {
  expect(find(server, { HTTPS_PROXY: proxy, NO_PROXY: exceptions })).toBeUndefined();
});

test.each([
  ['https://api.corp:6443', ''],
  ['https://api.corp:6443', 'orp'],
  ['https://corp:6443', '.corp'],
  ['https://api.corp:6443', 'api.corp:443'],
  ['https://10.1.2.3:6443', '10.1.2.4,10.1.3.0/24,2.3'],
  ['https://10.1.2.3:6443', '10.0.0.0/99,10.0.0.0/'],
  ['https://[fd00::7]:6443', '10.0.0.0/8'],
])('%s is reached by the proxy where NO_PROXY is "%s"', (server, exceptions) => {
  expect(find(server, { HTTPS_PROXY: proxy, NO_PROXY: exceptions })).toBe(proxy);
});
