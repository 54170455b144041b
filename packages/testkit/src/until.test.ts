import { describe, expect, it } from 'vitest';
import { until } from './until.ts';

describe('until', () => {
  it('returns the first fact that is there', async () => {
    let looks = 0;
    const fact = await until(() => (++looks < 3 ? undefined : { looks }), { what: 'a third look', everyMs: 1 });
    expect(fact).toEqual({ looks: 3 });
  });

  it('counts zero and the empty string as facts', async () => {
    expect(await until(() => 0, { what: 'a number' })).toBe(0);
    expect(await until(() => '', { what: 'a text' })).toBe('');
  });

  it('says on time-out what it waited for and what it saw last', async () => {
    const options = { what: 'the run to end', timeoutMs: 10, everyMs: 2 };
    await expect(until(() => null, options)).rejects.toThrow(
      'waited 0.01 s for the run to end; the last look gave null',
    );
    const failing = until(() => Promise.reject(new Error('no table')), options);
    await expect(failing).rejects.toThrow('the last look failed: Error: no table');
  });
});
