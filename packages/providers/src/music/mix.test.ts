import { describe, expect, it } from 'vitest';
import { BLOCK, LIMITER_DELAY, Limiter, LoudnessMeter, Room } from './mix.ts';
import { randomFrom } from './random.ts';

const sine = (hz: number, gain: number, from: number): Float64Array =>
  Float64Array.from({ length: BLOCK }, (_, i) => gain * Math.sin((2 * Math.PI * hz * (from + i)) / 44_100));

describe('the limiter', () => {
  it('lets nothing above its ceiling, and quiet sound through unchanged', () => {
    const random = randomFrom('limiter');
    const limiter = new Limiter(0.8);
    for (let k = 0; k < 40; k++) {
      const left = Float64Array.from({ length: BLOCK }, () => random.lean() * (k % 7 === 3 ? 6 : 0.5));
      const right = left.map((x) => -x);
      limiter.process(left, right);
      expect(Math.max(...left.map(Math.abs), ...right.map(Math.abs))).toBeLessThanOrEqual(0.8 + 1e-9);
    }
    const clear = new Limiter(0.8);
    const quiet = sine(440, 0.5, 0);
    const before = quiet.slice();
    clear.process(quiet, quiet.slice());
    expect(quiet[LIMITER_DELAY + 100]).toBe(before[100]);
  });
});

describe('the loudness meter', () => {
  it('agrees with BS.1770 about a sine at 997 Hz', () => {
    const meter = new LoudnessMeter();
    for (let k = 0; k < 100; k++) {
      const block = sine(997, 0.1, k * BLOCK);
      meter.hear(block, block.slice(), BLOCK);
    }
    // -20 dBFS in both channels is -20 LUFS.
    expect(meter.loudness).toBeGreaterThan(-20.4);
    expect(meter.loudness).toBeLessThan(-19.6);
  });
});

describe('the room', () => {
  it('answers, dies away in its time, and never grows', () => {
    const room = new Room(1.5, 8000);
    const energies: number[] = [];
    for (let k = 0; k < 120; k++) {
      const left = new Float64Array(BLOCK);
      const right = new Float64Array(BLOCK);
      if (k === 0) left[0] = right[0] = 1;
      room.process(left, right, BLOCK);
      energies.push(left.reduce((sum, x) => sum + x * x, 0));
    }
    const at = (seconds: number): number => energies[Math.round((seconds * 44_100) / BLOCK)] ?? 0;
    expect(at(0.1)).toBeGreaterThan(0);
    expect(10 * Math.log10(at(1.6) / at(0.1))).toBeLessThan(-50);
    expect(at(2.6)).toBeLessThan(at(1.6));
  });
});
