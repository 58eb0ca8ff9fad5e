import { expect, test } from 'bun:test';
import { readConfig } from './config.ts';

test('an empty environment gives the defaults of a container', () => {
  expect(readConfig({})).toEqual({
    ok: true,
    config: {
      host: '0.0.0.0',
      port: 8080,
      drainSeconds: 2,
      shutdownDeadlineSeconds: 25,
      idleSeconds: 70,
      maxBodyBytes: 1_048_576,
      maxHeaderBytes: undefined,
      hasAccessLog: true,
      release: undefined,
      revision: undefined,
    },
  });
});

test('every setting is taken from the environment', () => {
  const read = readConfig({
    HOST: '127.0.0.1',
    PORT: '3000',
    DRAIN_SECONDS: '0.2',
    SHUTDOWN_DEADLINE_SECONDS: '30',
    IDLE_SECONDS: '75',
    MAX_BODY_BYTES: '0',
    MAX_HEADER_BYTES: '4096',
    ACCESS_LOG: 'off',
    RELEASE: '9f3c2a1',
    REVISION: 'main@4be21c0 and 2 changed files',
  });

  expect(read).toEqual({
    ok: true,
    config: {
      host: '127.0.0.1',
      port: 3000,
      drainSeconds: 0.2,
      shutdownDeadlineSeconds: 30,
      idleSeconds: 75,
      maxBodyBytes: 0,
      maxHeaderBytes: 4096,
      hasAccessLog: false,
      release: '9f3c2a1',
      revision: 'main@4be21c0 and 2 changed files',
    },
  });
});

test('an empty value is no value', () => {
  expect(readConfig({ PORT: '', RELEASE: '' })).toEqual(readConfig({}));
});

test('every problem is named at once, with the value and what is allowed', () => {
  const read = readConfig({
    HOST: 'not a host',
    PORT: '65536',
    DRAIN_SECONDS: '-1',
    SHUTDOWN_DEADLINE_SECONDS: '10s',
    IDLE_SECONDS: '0',
    MAX_BODY_BYTES: '1e3',
    MAX_HEADER_BYTES: '16384',
    ACCESS_LOG: 'yes',
    RELEASE: 'two\nlines',
    REVISION: 'ü',
  });

  expect(read).toEqual({
    ok: false,
    problems: [
      'HOST is "not a host"; allowed is an IP address or a host name',
      'PORT is "65536"; allowed is a whole number from 0 to 65535',
      'DRAIN_SECONDS is "-1"; allowed is a number from 0 to 3600',
      'SHUTDOWN_DEADLINE_SECONDS is "10s"; allowed is a number from 0 to 3600',
      'IDLE_SECONDS is "0"; allowed is a whole number from 1 to 255',
      'MAX_BODY_BYTES is "1e3"; allowed is a whole number from 0 to 1073741824',
      'MAX_HEADER_BYTES is "16384"; allowed is a whole number from 256 to 15360',
      'ACCESS_LOG is "yes"; allowed is on or off',
      'RELEASE is "two\\nlines"; allowed is up to 200 printable ASCII characters',
      'REVISION is "ü"; allowed is up to 200 printable ASCII characters',
    ],
  });
});

test('a deadline before the end of the drain is a problem', () => {
  expect(readConfig({ DRAIN_SECONDS: '30' })).toEqual({
    ok: false,
    problems: ['SHUTDOWN_DEADLINE_SECONDS is 25; allowed is no less than DRAIN_SECONDS, 30'],
  });
});
