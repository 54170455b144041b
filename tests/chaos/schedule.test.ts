import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chanceOf } from './chance.ts';
import { MIX, type Planned, RECOVERY_MS, schedule } from './schedule.ts';

const anyFaults = fc
  .array(
    fc.record({
      number: fc.integer({ min: 1, max: 26 }),
      takesMs: fc.integer({ min: 1_000, max: 120_000 }),
      alone: fc.boolean(),
    }),
    { minLength: 1, maxLength: 26 },
  )
  .map((found) => found.map((fault, index): Planned => ({ ...fault, name: `fault ${index}` })));
const anySeed = fc.nat();
const anyMinutes = fc.integer({ min: 1, max: 60 });
const takes = (faults: readonly Planned[], names: readonly string[]) =>
  Math.max(...names.map((name) => faults.find((fault) => fault.name === name)?.takesMs ?? Number.NaN));

describe('the schedule', () => {
  test('is the same for the same seed', () => {
    fc.assert(
      fc.property(anySeed, anyMinutes, anyFaults, (seed, minutes, faults) => {
        const wishes = { seed, minutes, only: null };
        expect(schedule(wishes, faults)).toEqual(schedule(wishes, structuredClone(faults)));
      }),
    );
  });

  test('is another for most other seeds', () => {
    const faults = Array.from({ length: 20 }, (_, index) => ({ number: index + 1, name: `${index}`, takesMs: 20_000 }));
    const orders = Array.from({ length: 50 }, (_, seed) =>
      schedule({ seed, minutes: 10, only: null }, faults)
        .map((turn) => turn.number)
        .join(),
    );
    expect(new Set(orders).size).toBeGreaterThan(45);
  });

  test('ends within its minutes, each turn after the one before has had its time', () => {
    fc.assert(
      fc.property(anySeed, anyMinutes, anyFaults, (seed, minutes, faults) => {
        const turns = schedule({ seed, minutes, only: null }, faults);
        turns.forEach((turn, index) => {
          const end = turn.startMs + takes(faults, turn.faults) + RECOVERY_MS;
          expect(end).toBeLessThanOrEqual(turns[index + 1]?.startMs ?? minutes * 60_000);
        });
      }),
    );
  });

  test('gives every fault that fits its turn before any has a second one', () => {
    fc.assert(
      fc.property(anySeed, anyFaults, (seed, faults) => {
        const enough = schedule({ seed, minutes: 24 * 60, only: null }, faults);
        const mixes = faults.filter((fault) => !fault.alone).length >= 2 ? 1 : 0;
        const first = enough.slice(0, faults.length + mixes);
        expect(new Set(first.map((turn) => (turn.number === MIX ? MIX : turn.faults[0]))).size).toBe(
          faults.length + mixes,
        );
      }),
      { numRuns: 20 },
    );
  });

  test('without minutes every fault asked for has one turn, also two of one number', () => {
    const faults = [
      { number: 16, name: 'read-only', takesMs: 30_000 },
      { number: 16, name: 'disk full', takesMs: 30_000 },
      { number: 3, name: 'blocked', takesMs: 30_000 },
    ];
    const turns = schedule({ seed: 4, minutes: null, only: [16] }, faults);
    expect(turns.flatMap((turn) => turn.faults).sort()).toEqual(['disk full', 'read-only']);
  });

  test('several at once are two or three different ones, and none that must be alone', () => {
    fc.assert(
      fc.property(anySeed, anyFaults, (seed, faults) => {
        for (const { number, faults: names } of schedule({ seed, minutes: 60, only: null }, faults)) {
          if (number !== MIX) continue;
          expect([2, 3]).toContain(names.length);
          expect(new Set(names).size).toBe(names.length);
          expect(names.filter((name) => faults.find((fault) => fault.name === name)?.alone)).toEqual([]);
        }
      }),
    );
  });
});

describe('chance', () => {
  test('draws the same from the same seed and stream, and other things from another stream', () => {
    const draws = (seed: number, stream: number) => {
      const chance = chanceOf(seed, stream);
      return Array.from({ length: 20 }, () => chance.integer(0, 1_000_000));
    };
    fc.assert(
      fc.property(anySeed, fc.integer({ min: 0, max: 30 }), (seed, stream) => {
        expect(draws(seed, stream)).toEqual(draws(seed, stream));
        expect(draws(seed, stream)).not.toEqual(draws(seed, stream + 1));
      }),
    );
  });

  test('takes some of many without repeating, and stays within its bounds', () => {
    fc.assert(
      fc.property(anySeed, fc.uniqueArray(fc.nat(), { minLength: 1 }), fc.nat({ max: 20 }), (seed, from, count) => {
        const some = chanceOf(seed).some(from, count);
        expect(some).toHaveLength(Math.min(count, from.length));
        expect(new Set(some).size).toBe(some.length);
        for (const one of some) expect(from).toContain(one);
        const drawn = chanceOf(seed).integer(3, 9);
        expect(drawn).toBeGreaterThanOrEqual(3);
        expect(drawn).toBeLessThanOrEqual(9);
      }),
    );
  });
});
