import { expect, test } from 'bun:test';
import { Lifecycle } from './lifecycle.ts';

test('a service starts, becomes ready, drains and stops', () => {
  const lifecycle = new Lifecycle();
  const states = [lifecycle.state];

  lifecycle.becomeReady();
  states.push(lifecycle.state);
  lifecycle.drain();
  states.push(lifecycle.state);
  lifecycle.stop();
  states.push(lifecycle.state);

  expect(states).toEqual(['starting', 'ready', 'draining', 'stopped']);
});

test('a service told to leave while it starts never becomes ready', () => {
  const lifecycle = new Lifecycle();

  lifecycle.drain();
  lifecycle.becomeReady();

  expect(lifecycle.state).toBe('draining');
});

test('a stopped service does not drain again', () => {
  const lifecycle = new Lifecycle();

  lifecycle.stop();
  lifecycle.drain();

  expect(lifecycle.state).toBe('stopped');
  expect(lifecycle.isLeaving).toBe(true);
});
