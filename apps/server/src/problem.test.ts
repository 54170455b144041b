import { UserError } from '@reelfleet/core';
import { OutcomeUnknown, Refused } from '@reelfleet/db';
import { describe, expect, it } from 'vitest';
import { methodsAt } from './methods.ts';
import { documentOf, Problem, problemOf } from './problem.ts';

const status = (error: unknown) => problemOf(error).status;

describe('what was thrown becomes what is answered', () => {
  it('an operator’s mistake keeps its sentence and gets the status of its kind', () => {
    const kinds = ['invalid', 'missing', 'conflict', 'unavailable'] as const;
    expect(kinds.map((kind) => status(new UserError('no', { kind })))).toEqual([422, 404, 409, 503]);
    expect(documentOf(problemOf(new UserError('there is no run "x"', { kind: 'missing' })), '/api/runs/x')).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'there is no run "x"',
      instance: '/api/runs/x',
    });
  });

  it('a database that is away asks to come back, and one that refuses for a bug tells nothing', () => {
    expect(problemOf(new OutcomeUnknown('connection lost'))).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
    });
    const bug = problemOf(new Refused('column "password" of secret_table', { code: '42703', cause: null }));
    expect(bug).toMatchObject({ status: 500, message: expect.not.stringContaining('secret_table') });
  });

  it('a bug, whatever was thrown, tells nothing of itself', () => {
    for (const thrown of [new TypeError('x is not a function'), 'text', undefined, null, 7, { statusCode: 200 }]) {
      expect(problemOf(thrown)).toMatchObject({ status: 500, message: expect.stringContaining('its log') });
    }
    const refused = Object.assign(new Error("ENOENT: '/srv/secret'"), { statusCode: 404 });
    expect(problemOf(refused)).toMatchObject({ status: 404, message: 'not found' });
  });

  it('a problem stays itself', () => {
    const problem = new Problem(409, 'no', { errors: [{ path: 'body.x', message: 'is wrong' }] });
    expect(problemOf(problem)).toBe(problem);
    expect(documentOf(problem)).toMatchObject({ errors: [{ path: 'body.x', message: 'is wrong' }] });
  });
});

describe('the methods of an address', () => {
  const routes = [
    { url: '/api/runs', methods: ['GET', 'POST'] },
    { url: '/api/runs/:run', methods: ['GET'] },
    { url: '/files/*', methods: ['GET'] },
    { url: '/*', methods: ['GET'] },
  ];
  it('are those of the routes that match it, and not of the one that matches all', () => {
    expect(methodsAt('/api/runs', routes)).toEqual(['GET', 'POST']);
    expect(methodsAt('/api/runs/1', routes)).toEqual(['GET']);
    expect(methodsAt('/api/runs/1/2', routes)).toEqual([]);
    expect(methodsAt('/files/a/b.mp4', routes)).toEqual(['GET']);
    expect(methodsAt('/api.runs', routes)).toEqual([]);
  });
});
