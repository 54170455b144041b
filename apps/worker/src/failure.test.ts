import { UserError } from '@reelfleet/core';
import { OutcomeUnknown } from '@reelfleet/db';
import { describe, expect, it } from 'vitest';
import { describeFailure } from './failure.ts';

describe('a failure', () => {
  it('of the user is one line with its exit code', async () => {
    expect(await describeFailure(new UserError('no\n  such thing', { exitCode: 2 }), 'info')).toEqual({
      text: 'reelfleet: no such thing',
      exitCode: 2,
    });
  });

  it('of the database is a sentence', async () => {
    const { text, exitCode } = await describeFailure(new OutcomeUnknown('connect ECONNREFUSED'), undefined);
    expect([text, exitCode]).toEqual([expect.stringMatching(/^reelfleet: the database did not answer [^\n]*$/), 1]);
  });

  it('of our own is one line with a hint, and shows its stack when asked', async () => {
    expect((await describeFailure(new TypeError('x is undefined'), 'info')).text).toBe(
      'reelfleet: x is undefined (this is a bug: LOG_LEVEL=debug shows where)',
    );
    expect((await describeFailure(new TypeError('x is undefined'), 'debug')).text).toMatch(
      /^reelfleet: x is undefined\n.*\n\s+at /,
    );
    expect((await describeFailure('odd', undefined)).exitCode).toBe(1);
  });
});
