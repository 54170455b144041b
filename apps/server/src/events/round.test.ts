import fc from 'fast-check';
import { expect, test } from 'vitest';
import { movedSince, newUntold, note, tellingOf, told } from './round.ts';

test('however many runs change, each change is told or followed by a reset, and no cursor passes one that is not', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('change' as const),
      runs: fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 400 }),
    }),
    fc.record({ kind: fc.constant('many' as const), runs: fc.constant(Array.from({ length: 6_000 }, (_, n) => n)) }),
    fc.record({ kind: fc.constant('round' as const), wait: fc.integer({ min: 1_000, max: 9_000 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30, size: 'max' }), (steps) => {
      const untold = newUntold();
      /** What a client does not know yet. */
      const unknown = new Set<string>();
      let now = 0;
      const round = (wait: number) => {
        now += wait;
        const telling = tellingOf(untold, now);
        expect(telling.runs.length).toBeLessThanOrEqual(100);
        for (const run of telling.runs) unknown.delete(run);
        if (telling.reset) unknown.clear();
        if (telling.settled) expect(unknown).toEqual(new Set());
        told(untold, telling, now);
      };
      for (const act of steps) {
        if (act.kind === 'round') round(act.wait);
        else
          for (const run of act.runs) {
            note(untold, `run-${run}`);
            unknown.add(`run-${run}`);
          }
      }
      round(5_000);
      expect(unknown).toEqual(new Set());
    }),
    { numRuns: 50 },
  );
});

test('a reset comes at most every five seconds, and the newest runs are told meanwhile', () => {
  const untold = newUntold();
  const resets = [];
  for (let second = 0; second < 11; second++) {
    for (let n = 0; n < 300; n++) note(untold, `${String(second).padStart(2, '0')}-${String(n).padStart(3, '0')}`);
    const telling = tellingOf(untold, second * 1_000);
    expect(telling.runs[0]).toBe(`${String(second).padStart(2, '0')}-299`);
    if (telling.reset) resets.push(second);
    told(untold, telling, second * 1_000);
  }
  expect(resets).toEqual([0, 5, 10]);
});

test('a running task has moved when its percentage, its step or the wish to cancel it did', () => {
  const task = { id: 'a', runId: 'r', progressPercent: 0, currentStep: null, cancelAsked: false };
  const before = new Map([['a', task]]);
  expect(movedSince(new Map(), [task]).size).toBe(0);
  expect(movedSince(before, [task]).size).toBe(0);
  for (const change of [{ progressPercent: 3 }, { currentStep: 'x' }, { cancelAsked: true }])
    expect(movedSince(before, [{ ...task, ...change }])).toEqual(new Map([['r', [{ ...task, ...change }]]]));
});
